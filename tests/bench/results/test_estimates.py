"""Estimates against answers worked out by hand."""

import math

import msgspec
import numpy as np
import pytest
from support.documents import processes

from bench.results import estimates
from bench.results.record import ProcessRecord


def process(repetition, seconds, rounds=None):
    return ProcessRecord(
        repetition=repetition,
        start_method="fork",
        ready_seconds=0.1,
        device_init_seconds=0.1,
        trace_seconds=None,
        compile_seconds=None,
        first_step_seconds=0.1,
        input_init_seconds=0.0,
        device="CPU:0",
        tf32=False,
        rounds=tuple(range(len(seconds)) if rounds is None else rounds),
        warmup_rounds=3,
        steady=True,
        host_peak_rss_bytes=None,
        seconds_per_step=tuple(seconds),
    )


def test_ratios_of_known_repetitions():
    # Log ratios of the repetitions: log 2, log 2.2, log 1.8; t of 2 degrees of freedom at 97.5% is 4.3026527.
    base = [process(i, [1.0, 1.0, 1.0]) for i in range(3)]
    case = [process(0, [2.0, 1.9, 2.1]), process(1, [2.2] * 3), process(2, [1.8] * 3)]
    logs = [math.log(2), math.log(2.2), math.log(1.8)]
    mean = sum(logs) / 3
    deviation = math.sqrt(sum((value - mean) ** 2 for value in logs) / 2)
    half = 4.3026527 * deviation / math.sqrt(3)
    ratio = estimates.paired_ratio(case, base)
    assert ratio.value == pytest.approx(math.exp(mean))
    assert ratio.low == pytest.approx(math.exp(mean - half))
    assert ratio.high == pytest.approx(math.exp(mean + half))
    assert (ratio.repetitions, ratio.confidence, ratio.reason) == (3, 0.95, None)


def test_the_ratio_the_other_way_round_is_its_inverse():
    generator = np.random.default_rng(1)
    base = [process(i, generator.uniform(1, 2, 20)) for i in range(5)]
    case = [process(i, generator.uniform(2, 3, 20)) for i in range(5)]
    there, back = estimates.paired_ratio(case, base), estimates.paired_ratio(base, case)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)


def test_only_common_rounds_and_repetitions_count():
    base = [process(1, [1.0, 10.0], rounds=[0, 2]), process(2, [1.0])]
    case = [process(1, [5.0, 30.0], rounds=[1, 2]), process(3, [7.0])]
    ratio = estimates.paired_ratio(case, base)
    assert ratio.value == pytest.approx(3.0)
    assert ratio.repetitions == 1


def test_no_interval_under_three_repetitions():
    pairs = [process(i, [2.0]) for i in range(2)], [process(i, [1.0]) for i in range(2)]
    ratio = estimates.paired_ratio(*pairs)
    assert (ratio.value, ratio.low, ratio.high) == (pytest.approx(2.0), None, None)
    assert "three" in ratio.reason or "3" in ratio.reason


def test_nothing_in_common_is_null_with_a_reason():
    ratio = estimates.paired_ratio([process(1, [1.0])], [process(2, [1.0])])
    assert ratio.value is None
    assert ratio.reason == "no common rounds"


def test_drift_that_moves_both_leaves_the_ratio():
    drift = np.exp(np.linspace(0, 3, 50))
    base = [process(i, drift * (i + 1)) for i in range(3)]
    case = [process(i, 2 * drift * (i + 1)) for i in range(3)]
    ratio = estimates.paired_ratio(case, base)
    assert (ratio.low, ratio.high) == (pytest.approx(2.0), pytest.approx(2.0))


def test_throughput_is_the_median_repetition_with_its_range():
    rate = estimates.steps_per_second([process(i, [1 / value]) for i, value in enumerate([100, 300, 200])])
    assert (rate.value, rate.low, rate.high) == (pytest.approx(200), pytest.approx(100), pytest.approx(300))
    assert rate.confidence is None


def test_two_cases_without_common_rounds_are_compared_by_the_reference_of_each_repetition():
    """In two groups of a repetition, whose rounds come one after the other; the reference is in both."""
    generator = np.random.default_rng(5)
    speed = np.exp(generator.normal(0, 0.2, 6))[:, None]  # of each repetition

    def rounds(seconds, first):
        samples = seconds * speed * np.exp(generator.normal(0, 0.01, (6, 20)))
        return tuple(
            msgspec.structs.replace(process, rounds=tuple(range(first, first + len(process.rounds))))
            for process in processes(samples)
        )

    reference = processes(np.concatenate([speed * 1e-3] * 40, axis=1))
    slow, fast = rounds(3e-3, 0), rounds(2e-3, 20)
    assert estimates.paired_ratio(slow, fast).reason == "no common rounds"
    found = estimates.ratio_by_reference(slow, fast, reference)
    assert found.value == pytest.approx(1.5, rel=0.01)
    assert found.low < 1.5 < found.high
