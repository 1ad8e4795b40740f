"""The summary has four figures, each as the findings have it, or the reason why it is not there."""

import re

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate, together, with_experiment, with_reserved

from bench.report.findings import findings
from bench.report.headlines import headlines
from bench.results import files
from bench.results.schema import INPUT_OVERHEAD, CaseStatus, Estimate

PIPELINES = {
    "xla/resident": 1e-3,
    "xla/prefetch-1": 1.25e-3,
    "function/resident": 1e-3,
    "function/resident/control": 1e-3,
}
MEMORY = {"host/eager": 14e-3, "host/function": 1e-3, "host/function/control": 1e-3}


def of(times, experiment="modes", **facts):
    return document(simulate(np.random.default_rng(3), times, repetitions=5), experiment=experiment, **facts)


def modes(**facts):
    return document(simulate(np.random.default_rng(3)), **facts)


def by_question(found):
    said = {one.question: one for one in headlines(found)}
    assert len(said) == 4
    eager, xla, fed, memory = said.values()
    return eager, xla, fed, memory


def ends(headline):
    low, high = headline.interval.partition("[")[2].rstrip("]").split(", ")
    return float(low), float(high)


def test_the_figures_are_the_truth_of_the_simulation():
    eager, xla, fed, _ = by_question(together(modes(), of(PIPELINES, "pipelines")))
    for one, truth in ((eager, 14 / 1.1), (xla, 1.1 / 0.8), (fed, 20)):
        low, high = ends(one)
        assert low - 0.5 <= truth <= high + 0.5
        assert one.interval.startswith("95% interval [")
        assert float(one.value.rstrip("x%")) == pytest.approx(truth, rel=0.1)
    assert (eager.value[-1], xla.value[-1], fed.value[-1]) == ("x", "x", "%")
    assert fed.note.startswith("No: ")


@pytest.mark.parametrize("name", ["quick", "pipelines", "memory", "result", "roofline"])
def test_the_figures_are_those_of_the_findings(name, reference):
    """Character by character, but for the space before the percent sign."""
    found = files.read(reference / f"{name}.json")
    text = " ".join(findings(found)).replace(" %", "%")
    for one in headlines(found):
        if one.value is not None:
            interval = re.search(r"[\[(].*[\])]", one.interval).group()
            assert f"{one.value} {interval}" in text
    measured = {one.name for one in found.autoencoder_bench.experiments}
    assert sum(one.value is not None for one in headlines(found)) == sum(
        {"modes": 2, "pipelines": 1, "memory": 1}.get(name, 0) for name in measured
    )


def test_an_experiment_that_was_not_asked_is_named():
    *_, fed, memory = by_question(modes())
    assert (fed.value, memory.value) == (None, None)
    assert fed.note == "The experiment pipelines was not part of this run."
    assert memory.note == "The experiment memory was not part of this run."


def test_a_case_that_failed_or_was_not_there_is_named_with_its_reason():
    found = of({"eager/resident": 14e-3, "function/resident": 1e-3, "function/resident/control": 1e-3})
    assert by_question(found)[1].note == "xla/resident was not among the cases"
    cases = (*found.experiment.cases, CaseStatus(name="xla/resident", status="skipped", failure=None, skipped="no XLA"))
    assert by_question(with_experiment(found, cases=cases))[1].note == "xla/resident: no XLA"
    failed = modes(failed=["xla/resident"])
    assert by_question(failed)[1].note == "xla/resident: failed: killed by SIGKILL"
    assert by_question(failed)[0].value is not None


def test_what_is_open_is_called_inconclusive():
    equal = {"eager/resident": 1e-3, "function/resident": 1e-3, "xla/resident": 1e-3, "function/resident/control": 1e-3}
    eager, xla, *_ = by_question(of(equal))
    for one in (eager, xla):
        assert ends(one)[0] < 1 < ends(one)[1]
        assert one.note.startswith("Inconclusive. ")


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.2, 0.15, 0.25, "No: this share of a step's time is lost"),
        (0.01, -0.02, 0.04, "Yes: less than 5% of a step's time is lost"),
        (0.03, -0.02, 0.08, "Inconclusive. The share of a step's time that is lost"),
    ],
)
def test_whether_the_input_keeps_up_is_what_the_interval_allows(value, low, high, said):
    share = Estimate(value=value, low=low, high=high, confidence=0.95, repetitions=5)
    found = of(PIPELINES, "pipelines")
    benchmarks = tuple(
        msgspec.structs.replace(b, extra_info=msgspec.structs.replace(b.extra_info, figures={INPUT_OVERHEAD: share}))
        for b in found.benchmarks
    )
    fed = by_question(msgspec.structs.replace(found, benchmarks=benchmarks))[2]
    assert fed.note.startswith(said)
    assert fed.value == f"{100 * value:.0f}%"


def test_where_the_aa_check_failed_there_is_no_figure_of_speed():
    samples = simulate(np.random.default_rng(1))
    samples["function/resident/control"] = samples["function/resident/control"] * 1.2
    eager, xla, *_ = by_question(document(samples))
    for one in (eager, xla):
        assert one.value is None
        assert one.note == "modes: nothing is said of speeds, since its A/A check failed."


def test_of_a_gpu_it_is_the_memory_that_the_usual_policy_reserves():
    times = {"default/function": 1e-3, "growth/function": 1e-3, "growth/function/control": 1e-3}
    found = of(times, "memory", gpu="H100", gpu_memory=5 * 10**9)
    assert by_question(found)[3].note == "default/function: the result has no such figure"
    known = with_reserved(found, [72 * 10**9, 2 * 10**9, 2 * 10**9])
    memory = by_question(known)[3]
    assert (memory.value, memory.interval) == ("74.0 GB", "lowest to highest process (72.0 GB-76.0 GB)")
    assert f"default/function reserves {memory.value} (72.0 GB-76.0 GB) for" in findings(known)[0]
    assert memory.note == "Memory of the GPU reserved by default/function; the model itself is 2.62 MB."


def test_a_run_without_repetitions_enough_has_no_interval():
    found = document(simulate(np.random.default_rng(3), repetitions=2))
    eager, *_ = by_question(found)
    assert eager.interval == "no interval"
    assert eager.note.startswith("Inconclusive. ")
