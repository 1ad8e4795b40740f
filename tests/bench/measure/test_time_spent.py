"""Seconds by stage, with a clock that jumps."""

import pytest

from bench.measure.time_spent import TimeSpent


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def test_time_is_counted_once_and_in_the_innermost_stage():
    clock = Clock()
    time_spent = TimeSpent(clock)
    with time_spent.on("separate_measurements"):
        clock.seconds += 1.0
        with time_spent.on("profiles"):
            clock.seconds += 5.0
            with time_spent.on("writing"):
                clock.seconds += 0.5
        with time_spent.on("profiles"):
            clock.seconds += 1.0
        clock.seconds += 2.0
    with time_spent.on("servers"):
        clock.seconds += 4.0
    assert time_spent.seconds == {"servers": 4.0, "separate_measurements": 3.0, "profiles": 6.0, "writing": 0.5}
    assert sum(time_spent.seconds.values()) == clock.seconds


def test_a_stage_that_fails_is_counted_too():
    clock = Clock()
    time_spent = TimeSpent(clock)

    def fail():
        with time_spent.on("checks"):
            clock.seconds += 1.0
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert time_spent.seconds == {"checks": 1.0}
