"""Statistics against SciPy's own tests, answers worked out by hand, and simulations with a known truth."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.measure import stopping
from bench.plan.preset import PRESETS
from bench.stats import inference
from bench.stats.inference import Variances

NOISY = (0.09, 0.014, 0.014)  # deviations of a sample, a process, a server
QUIET = (0.005, 0.005, 0.01)


def test_mean_and_interval_are_students():
    logs = [0.01, 0.05, -0.02, 0.03, 0.04]
    mean = inference.mean(logs)
    expected = stats.ttest_1samp(logs, 0.0)
    interval = expected.confidence_interval(0.95)
    assert inference.p_value(mean) == pytest.approx(expected.pvalue)
    assert mean.value + inference.half_width(mean) == pytest.approx(interval.high)
    assert inference.half_width(mean, 0.99) > inference.half_width(mean)


def test_a_difference_is_welchs():
    left, right = [0.1, 0.15, 0.11, 0.2], [0.0, 0.01, -0.3, 0.2, 0.1, 0.05]
    difference = inference.difference(inference.mean(left), inference.mean(right))
    expected = stats.ttest_ind(left, right, equal_var=False)
    assert difference.degrees == pytest.approx(expected.df)
    assert inference.p_value(difference) == pytest.approx(expected.pvalue)


def test_a_further_error_widens_and_an_assumed_one_has_no_degrees():
    left, right = inference.mean([0.1, 0.12, 0.11]), inference.mean([0.0, 0.01, 0.02])
    plain = inference.difference(left, right)
    widened = inference.difference(left, right, (0.005, math.inf))
    assert widened.squared_error == pytest.approx(plain.squared_error + 0.005)
    assert inference.half_width(widened) == pytest.approx(1.96 * math.sqrt(widened.squared_error), rel=1e-2)


def test_under_three_repetitions_there_is_neither_interval_nor_p():
    few = inference.mean([0.1, 0.2])
    assert (few.value, few.squared_error) == (pytest.approx(0.15), None)
    assert inference.half_width(few) is None
    assert inference.p_value(few) is None
    assert inference.half_width_to_stop_on([0.1, 0.2]) is None
    enough = inference.mean([0.1, 0.2, 0.3])
    assert inference.difference(few, enough).squared_error is None


def test_values_without_any_spread():
    assert inference.p_value(inference.mean([0.0, 0.0, 0.0])) == 1.0
    assert inference.p_value(inference.mean([0.5, 0.5, 0.5])) == 0.0
    same = inference.mean([0.1] * 4)
    assert inference.difference(same, same).degrees == math.inf


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # 3 x 0.01; 2 x 0.03; then never smaller than before
        ([0.5, 0.9], [1.0, 1.0]),
    ],
)
def test_holm(p_values, adjusted):
    assert inference.holm(p_values) == pytest.approx(adjusted)


def test_holm_keeps_false_alarms_of_many_together_to_one_in_twenty():
    generator = np.random.default_rng(3)
    alarms = sum(min(inference.holm(generator.uniform(size=7).tolist())) < 0.05 for _ in range(4_000))
    assert 0.04 <= alarms / 4_000 <= 0.06


def test_stopping_takes_no_repetitions_for_more_precise_than_can_be():
    lucky = [0.1, 0.1, 0.1]
    width = stats.t.ppf(0.975, 2) * inference.LEAST_DEVIATION / math.sqrt(3)
    assert inference.half_width_to_stop_on(lucky) == pytest.approx(width)
    wide = [0.0, 0.1, 0.2]
    assert inference.half_width_to_stop_on(wide) == pytest.approx(inference.half_width(inference.mean(wide)))


def test_repetitions_for_a_width():
    assert inference.repetitions_for(0.05, 0.02) == 3  # 4.303 x 0.02 / sqrt(3) = 0.0497
    assert inference.repetitions_for(0.04, 0.02) == 4  # 3.182 x 0.02 / sqrt(4) = 0.0318
    assert inference.repetitions_for(0.001, 0.1) is None


def test_variance_components_of_a_known_truth():
    generator = np.random.default_rng(5)
    repetitions = [generator.normal(generator.normal(0, 0.03), 0.08, 100).tolist() for _ in range(400)]
    found = inference.variances(repetitions)
    assert math.sqrt(found.within) == pytest.approx(0.08, rel=0.03)
    assert math.sqrt(found.between) == pytest.approx(0.03, rel=0.1)
    assert inference.variances([[1.0, 2.0]]) is None
    assert inference.variances([[1.0], [2.0]]) is None


def test_samples_per_repetition_follow_kalibera_and_jones():
    # sqrt((0.08^2 / 0.02^2) x (9 / 0.25)) = 4 x 6
    assert inference.samples_per_repetition(Variances(0.08**2, 0.02**2), 0.25, 9.0, 20, 200) == 24
    assert inference.samples_per_repetition(Variances(0.01**2, 0.05**2), 0.25, 9.0, 20, 200) == 20
    assert inference.samples_per_repetition(Variances(0.5**2, 0.0), 0.01, 9.0, 20, 200) == 200  # 1% squared at least


def repetition_medians(generator, scenario, experiments, repetitions, rounds=30):
    """Log ratios of two equal cases, (experiments, repetitions): medians within rounds, drift moving both samples."""
    sample, process, server = scenario
    drift = np.cumsum(generator.normal(0, sample / 3, (experiments, repetitions, rounds)), axis=2)
    sides = []
    for _ in range(2):
        level = generator.normal(0, process, (experiments, repetitions, 1))
        level += generator.normal(0, server, (experiments, repetitions, 1))  # of each case's own, or it would cancel
        sides.append(level + drift + generator.normal(0, sample, (experiments, repetitions, rounds)))
    return np.median(sides[0] - sides[1], axis=2)


def covers(logs):
    mean = inference.mean(logs)
    return abs(mean.value) <= inference.half_width(mean)


@pytest.mark.parametrize("scenario", [NOISY, QUIET], ids=["noisy", "quiet"])
def test_intervals_of_a_fixed_number_of_repetitions_cover_the_truth(scenario):
    logs = repetition_medians(np.random.default_rng(42), scenario, 3_000, 4)
    assert 0.93 <= np.mean([covers(row.tolist()) for row in logs]) <= 0.97


@pytest.mark.parametrize("preset", ["standard", "thorough"])
@pytest.mark.parametrize("scenario", [NOISY, QUIET], ids=["noisy", "quiet"])
def test_intervals_that_ended_the_measuring_cover_the_truth(scenario, preset):
    """With the suite's own rule: looks after 3, 6, 12 and 16 repetitions, ending on width."""
    chosen = PRESETS[preset]
    logs = repetition_medians(np.random.default_rng(7), scenario, 3_000, chosen.looks[-1])
    hits = 0
    for row in logs.tolist():
        for look in chosen.looks:
            if stopping.is_narrow([[value] for value in row[:look]], chosen):
                break
        hits += covers(row[:look])
    assert 0.93 <= hits / len(logs) <= 0.97


def test_without_the_floor_they_would_not():
    """Why LEAST_DEVIATION is there: the plain width prefers repetitions that agree by chance."""
    looks = PRESETS["standard"].looks
    logs = repetition_medians(np.random.default_rng(7), NOISY, 3_000, looks[-1])
    hits = 0
    for row in logs.tolist():
        for look in looks:
            if inference.half_width(inference.mean(row[:look])) <= 0.02:
                break
        hits += covers(row[:look])
    assert hits / len(logs) < 0.93
