"""When a case is warm: ten samples against the ten before."""

import random

from bench.stats import steady_state
from bench.stats.steady_state import BOUND, SAMPLES


def test_steady_samples_are_all_kept():
    assert steady_state.find([0.1] * 20) == (0, True)
    assert steady_state.samples_wanted([0.1] * 20, 20) == 20


def test_too_few_samples_say_nothing():
    assert steady_state.find([0.0] * 19) == (0, None)
    assert steady_state.samples_wanted([0.0] * 5, 8) == 8


def test_samples_before_it_settles_are_given_up():
    # Half of the first ten may still be slow: their median is then already that of the rest.
    logs = [0.5] * 12 + [0.0] * 30
    assert steady_state.find(logs) == (8, True)
    assert steady_state.find([0.5] * 4 + [0.0] * 30) == (0, True)
    assert steady_state.samples_wanted(logs, 40) == 48


def test_what_never_settles_is_bounded_and_said():
    rising = [0.01 * i for i in range(100)]
    assert steady_state.find(rising) == (BOUND, False)
    assert steady_state.find(rising[:30]) == (0, False)  # so few are left that giving some up helps nobody
    wanted = 40
    logs = []
    while len(logs) < steady_state.samples_wanted(logs, wanted):
        logs.append(0.01 * len(logs))
    assert len(logs) == wanted + BOUND


def test_more_samples_are_asked_for_one_by_one():
    logs = [0.5] * 12 + [0.0] * 10
    assert steady_state.samples_wanted(logs, 20) == len(logs) + 1
    generator = random.Random(1)
    noisy = [generator.gauss(0, 0.02) for _ in range(2 * SAMPLES)]
    assert steady_state.samples_wanted(noisy, 20) <= 20 + BOUND
