"""Findings say what the intervals support, and nothing else."""

import msgspec
import pytest
from documents import with_experiment

from bench.present.findings import findings
from bench.results.schema import Estimate


def estimate(value, low, high, reason=None):
    return Estimate(value=value, low=low, high=high, confidence=0.95, cohorts=4, reason=reason)


def with_speedup(document, name, speedup):
    benchmarks = tuple(
        msgspec.structs.replace(b, extra_info=msgspec.structs.replace(b.extra_info, speedup_over_eager=speedup))
        if b.name == name
        else b
        for b in document.benchmarks
    )
    return msgspec.structs.replace(document, benchmarks=benchmarks)


def with_twin(document, ratio, unstable):
    twin = msgspec.structs.replace(document.experiment.twin, ratio=ratio, unstable=unstable)
    return with_experiment(document, twin=twin)


@pytest.fixture
def document(finished):
    return finished[0].document


def test_a_clear_speedup_is_said_with_its_interval(document):
    changed = with_speedup(document, "xla/resident", estimate(18.04, 17.5, 18.6))
    changed = with_speedup(changed, "function/resident", estimate(11.9, 11.7, 12.2))
    expected = "XLA does 18.0x [17.5, 18.6], tf.function does 11.9x [11.7, 12.2] the steps of eager mode here."
    assert findings(changed)[0] == expected
    assert len(findings(changed)) <= 5


def test_a_slowdown_is_said_as_one(document):
    changed = with_speedup(document, "xla/resident", estimate(0.8, 0.7, 0.9))
    assert findings(changed)[0].startswith("XLA does 0.800x [0.700, 0.900]")


@pytest.mark.parametrize(
    "speedup", [estimate(1.2, 0.9, 1.6), estimate(1.2, None, None, "no interval"), estimate(None, None, None, "none")]
)
def test_what_the_data_do_not_support_is_not_said(document, speedup):
    assert not any("XLA does" in line for line in findings(with_speedup(document, "xla/resident", speedup)))


def test_the_noise_is_always_said(document):
    quiet = with_twin(document, estimate(1.004, 0.98, 1.03), False)
    assert "measured twice, differed by 0.4 % (99 % interval within 3.0 %)" in findings(quiet)[-1]
    loud = with_twin(document, estimate(1.2, 1.1, 1.3), True)
    assert findings(loud)[-1].startswith("Unstable:")


def test_a_result_without_cases_has_no_findings(document):
    empty = msgspec.structs.replace(document, benchmarks=())
    assert findings(with_twin(empty, estimate(None, None, None, "not measured"), None)) == []
