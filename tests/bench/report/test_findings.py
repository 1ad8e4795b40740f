"""Findings say what the intervals support, and nothing else."""

import re

import msgspec
import numpy as np
import pytest
from support.documents import document as simulated
from support.documents import simulate, with_experiment

from bench.report.findings import findings
from bench.results.schema import Estimate


def estimate(value, low, high, reason=None):
    return Estimate(value=value, low=low, high=high, confidence=0.95, repetitions=4, reason=reason)


def of_control(value, low, high, reason=None):
    return Estimate(value=value, low=low, high=high, confidence=0.99, repetitions=4, reason=reason)


def with_speedup(document, name, speedup):
    benchmarks = tuple(
        msgspec.structs.replace(b, extra_info=msgspec.structs.replace(b.extra_info, speedup_over_eager=speedup))
        if b.name == name
        else b
        for b in document.benchmarks
    )
    return msgspec.structs.replace(document, benchmarks=benchmarks)


def with_control(document, ratio):
    control = msgspec.structs.replace(document.experiment.control, ratio=ratio)
    return with_experiment(document, control=control)


@pytest.fixture
def document(finished):
    return finished[0].document


def test_a_clear_speedup_is_said_with_its_interval(document):
    changed = with_speedup(document, "xla/resident", estimate(18.04, 17.5, 18.6))
    changed = with_speedup(changed, "function/resident", estimate(11.9, 11.7, 12.2))
    said = "Speedup over eager: XLA 18.0x [17.5, 18.6], tf.function 11.9x [11.7, 12.2]."
    assert findings(changed)[0] == said


def test_a_slowdown_is_said_as_one(document):
    changed = with_speedup(document, "xla/resident", estimate(0.8, 0.7, 0.9))
    assert "XLA 0.800x [0.700, 0.900], tf" in findings(changed)[0]


@pytest.mark.parametrize(
    ("speedup", "said"),
    [
        (estimate(1.2, 0.9, 1.6), "XLA 1.20x [0.900, 1.60], inconclusive, tf.function"),
        (estimate(1.2, None, None, "no interval"), "XLA 1.20x (no interval), inconclusive, tf.function"),
        (estimate(None, None, None, "none"), "over eager: tf.function"),
    ],
)
def test_what_the_data_do_not_support_is_called_inconclusive(document, speedup, said):
    assert said in findings(with_speedup(document, "xla/resident", speedup))[0]


def quality(document):
    return next(line for line in findings(document) if line.startswith("Data quality"))


def test_the_noise_is_always_said(document):
    quiet = msgspec.structs.replace(document.autoencoder_bench, warnings=())  # whatever else this machine did meanwhile
    document = msgspec.structs.replace(document, autoencoder_bench=quiet)
    passed = quality(with_control(document, of_control(1.004, 0.98, 1.03)))
    assert passed == "Data quality: quiet enough. Not resolved (99% CI): differences below 2.5%."
    failed = quality(with_control(document, of_control(1.2, 1.1, 1.3)))
    assert failed.startswith("Data quality: FAILED. Two measurements of the same case differ by 20%, more than chance")
    noisy = quality(with_control(document, of_control(1.04, 0.67, 1.61)))
    assert noisy == "Data quality: NOISY. Do not trust differences below 55% (A/A control, 99% CI)."
    assert "not checked" in quality(with_control(document, of_control(None, None, None, "not measured")))


def test_warm_up_that_could_not_be_checked_counts_apart(document):
    """A run of four samples: too few to tell."""
    (line,) = [line for line in findings(document) if line.startswith("Warm-up")]
    count = sum(len(benchmark.extra_info.processes) for benchmark in document.benchmarks)
    assert line == f"Warm-up, of {count} processes: {count} not checked."


def test_a_result_without_cases_has_no_findings(document):
    assert findings(msgspec.structs.replace(document, benchmarks=())) == []


def test_the_same_case_in_several_experiments_is_named_once_with_each_figure(reference):
    from bench.results import files

    (line,) = [line for line in findings(files.read(reference / "quick.json")) if line.startswith("The same case")]
    assert "modes/function/resident " in line
    assert ", pipelines/function/resident " in line
    assert re.search(r"modes/function/notebook \d+, pipelines/function/prefetch-1 \d+\.", line)
    assert "compare cases within one" in line


def test_memory_policies_are_no_case_measured_again():
    """On a GPU they are what one experiment compares."""
    times = {"default/function": 1e-3, "growth/function": 1e-3, "growth/function/control": 1e-3}
    found = simulated(simulate(np.random.default_rng(1), times), experiment="memory", gpu="H100")
    assert not any(line.startswith("The same case") for line in findings(found))


def test_where_the_aa_check_failed_nothing_is_said_of_speeds():
    samples = simulate(np.random.default_rng(1))
    samples["function/resident/control"] = samples["function/resident/control"] * 1.2
    first, *others = findings(simulated(samples))
    assert first == "modes: nothing is said of speeds, since its A/A check failed."
    assert not any("Speedup" in line or "costs" in line for line in others)
