"""Verdicts on differences of known size and error."""

import math

import numpy as np
import pytest

from bench.compare.verdicts import STABLE, Change, Longer, Scale, Stability, judge_all
from bench.stats import inference
from bench.stats.inference import Mean

SPEED = Scale(0.03, "SLOWER", "FASTER", inverted=True)
MEMORY = Scale(0.05, "LARGER", "SMALLER")


def change(percent, error_percent, repetitions=6, lasting=0.0):
    """By how much the time differs, and its standard error, both in percent."""
    return Change(Mean(math.log1p(percent / 100), (error_percent / 100) ** 2, repetitions - 1, repetitions), lasting)


def judge(*changes, scale=SPEED, stability=STABLE, judged=True):
    return judge_all(changes, scale, [stability] * len(changes), judged)


@pytest.mark.parametrize(
    ("percent", "error", "verdict", "reason"),
    [
        (5.0, 0.5, "SLOWER", "beyond_threshold"),
        (-6.0, 0.5, "FASTER", "beyond_threshold"),
        (0.5, 0.3, "SAME", "within_threshold"),
        (1.0, 0.3, "SAME", "small"),
        (-2.0, 0.3, "SAME", "small"),
        (2.5, 0.6, "INCONCLUSIVE", "below_threshold"),
        (5.0, 2.5, "INCONCLUSIVE", "wide"),
        (0.5, 2.0, "INCONCLUSIVE", "wide"),
        (300.0, 1.0, "SLOWER", "beyond_threshold"),
    ],
)
def test_verdicts(percent, error, verdict, reason):
    (found,) = judge(change(percent, error))
    assert (found.verdict, found.reason) == (verdict, reason)
    assert (found.settle is None) == (verdict != "INCONCLUSIVE")


def test_the_ratio_shown_is_of_speeds_and_of_bytes():
    (speed,) = judge(change(5.0, 0.5))
    assert speed.ratio.value == pytest.approx(1 / 1.05)
    assert speed.ratio.low < speed.ratio.value < speed.ratio.high < 1
    (memory,) = judge(change(10.0, 0.5), scale=MEMORY)
    assert (memory.verdict, memory.ratio.value) == ("LARGER", pytest.approx(1.1))
    (memory,) = judge(change(-10.0, 0.5), scale=MEMORY)
    assert memory.verdict == "SMALLER"


def test_the_threshold_is_the_same_in_both_directions():
    limit = 100 * (1 / 1.03 - 1)
    assert judge(change(2.99, 0.001))[0].verdict == "SAME"
    assert judge(change(limit + 0.01, 0.001))[0].verdict == "SAME"
    assert judge(change(3.01, 0.001))[0].verdict == "SLOWER"
    assert judge(change(limit - 0.01, 0.001))[0].verdict == "FASTER"


def test_one_of_many_cases_has_to_be_more_certain():
    borderline = change(5.0, 1.7)
    assert judge(borderline)[0].verdict == "SLOWER"
    found = judge(borderline, *[change(0.1, 1.0)] * 6)[0]
    assert (found.verdict, found.reason) == ("INCONCLUSIVE", "several_cases")
    assert found.adjusted_p == pytest.approx(7 * found.p)
    assert found.ratio == judge(borderline)[0].ratio  # the interval that is shown is not adjusted
    below = change(2.5, 0.9)
    assert judge(below)[0].reason == "below_threshold"
    found = judge(below, *[change(0.1, 1.0)] * 6)[0]
    assert (found.verdict, found.reason) == ("INCONCLUSIVE", "several_cases")
    assert "--only" not in found.settle  # alone it would still be open whether it is beyond the threshold


def test_of_identical_cases_a_difference_is_called_certain_in_at_most_one_comparison_of_twenty():
    """Four repetitions of five cases that truly take the same time, with an error that puts intervals everywhere."""
    random = np.random.default_rng(20)
    certain = 0
    comparisons = 2_000
    for _ in range(comparisons):
        changes = [Change(inference.mean(random.normal(0, 0.01, 4).tolist())) for _ in range(5)]
        reasons = {found.reason for found in judge(*changes)}
        certain += bool(reasons & {"small", "below_threshold", "beyond_threshold"})
    assert certain / comparisons < 0.05 + 3 * math.sqrt(0.05 * 0.95 / comparisons)
    assert certain > 0  # Holm's method leaves little of the 5% unused for independent cases


@pytest.mark.parametrize(("percent", "reason"), [(2.67, "below_threshold"), (1.0, "small")])
def test_a_true_difference_below_the_threshold_is_called_certain(percent, reason):
    """0.974x at a threshold of 3%, with the interval of four repetitions that is about 0.8% wide to each side."""
    random = np.random.default_rng(21)
    reasons = []
    for _ in range(200):
        logs = random.normal(math.log1p(percent / 100), 0.003, 4).tolist()
        reasons.append(judge(Change(inference.mean(logs)))[0].reason)
    assert reasons.count(reason) > 100


def test_an_unstable_run_decides_nothing():
    for percent, error in ((5.0, 0.1), (0.1, 0.1)):
        (found,) = judge(change(percent, error), stability=Stability(unstable="the new one"))
        assert (found.verdict, found.reason) == ("INCONCLUSIVE", "unstable")
        assert "the new one" in found.settle


def test_a_run_that_was_not_checked_decides_nothing():
    (found,) = judge(change(5.0, 0.1), stability=Stability(unchecked="the old one"))
    assert (found.verdict, found.reason) == ("INCONCLUSIVE", "unchecked")
    assert "the old one" in found.settle


def test_without_an_interval_nothing_is_decided():
    (found,) = judge(Change(Mean(math.log(2.0), None, 1, 2)))
    assert (found.verdict, found.reason, found.p) == ("INCONCLUSIVE", "no_interval", None)
    assert "3 repetitions" in found.settle


def test_without_judging_there_are_ratios_only():
    (found,) = judge(change(50.0, 1.0), judged=False)
    assert (found.verdict, found.reason, found.settle) == (None, None, None)
    assert found.ratio.low is not None


def test_what_would_settle_it():
    # For an interval of 3% around 0 at 1% x sqrt(6) a repetition: t x 2.45 / sqrt(n) <= 2.96 from n = 6 on or so.
    longer = Longer("thorough", 16)
    (found,) = judge_all([change(0.0, 2.0)], SPEED, [STABLE], True, longer)
    words = found.settle.split()
    assert words[:7] == ["--preset", "thorough,", "which", "may", "have", "16", "repetitions"]
    assert 10 < int(words[8]) <= 16
    # What no preset does is not advised.
    for wider, preset in ((change(0.0, 4.0), longer), (change(0.0, 2.0), None)):
        assert judge_all([wider], SPEED, [STABLE], True, preset)[0].settle == "a quieter machine"
    (found,) = judge(change(0.5, 7.0, lasting=0.0048))
    assert "--against" in found.settle
    assert "--history" in found.settle


def test_an_estimate_at_the_threshold_is_called_that():
    (found,) = judge(change(2.9, 0.5))
    assert "another --threshold" in found.settle
