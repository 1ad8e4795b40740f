"""Seconds by stage, with a clock that jumps."""

import pytest

from bench.measure.spending import Spending


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def test_time_is_counted_once_and_in_the_innermost_stage():
    clock = Clock()
    spending = Spending(clock)
    with spending.on("passes"):
        clock.seconds += 1.0
        with spending.on("profiles"):
            clock.seconds += 5.0
            with spending.on("writing"):
                clock.seconds += 0.5
        with spending.on("profiles"):
            clock.seconds += 1.0
        clock.seconds += 2.0
    with spending.on("servers"):
        clock.seconds += 4.0
    assert spending.seconds == {"servers": 4.0, "passes": 3.0, "profiles": 6.0, "writing": 0.5}
    assert sum(spending.seconds.values()) == clock.seconds


def test_a_stage_that_fails_is_counted_too():
    clock = Clock()
    spending = Spending(clock)

    def fail():
        with spending.on("checks"):
            clock.seconds += 1.0
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert spending.seconds == {"checks": 1.0}
