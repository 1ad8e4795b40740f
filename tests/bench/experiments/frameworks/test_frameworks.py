"""What is said of frameworks: figures from documents with known truth, and sentences that their intervals allow."""

import re

import msgspec
import numpy as np
import pytest
from support import documents

from bench.errors import UsageError
from bench.experiments.base import Room, cases_of
from bench.experiments.frameworks import exhibit, figures
from bench.experiments.frameworks.experiment import FRAMEWORKS
from bench.experiments.registry import EXPERIMENTS
from bench.results.record import SameModel

# Seconds of a step in each, where a call takes 1 ms in TensorFlow and 0.1 in JAX, and a step 2 and 1.9.
CALLS = {"tensorflow": 1e-3, "jax": 1e-4}
STEPS = {"tensorflow": 2e-3, "jax": 1.9e-3}
SECONDS = {
    "tensorflow/eager": 30e-3,
    "tensorflow/function": 4e-3,
    "tensorflow/xla-loop-1-fused": STEPS["tensorflow"] + CALLS["tensorflow"],
    "tensorflow/xla-loop-fused": STEPS["tensorflow"] + CALLS["tensorflow"] / 25,
    "jax/scan-1": STEPS["jax"] + CALLS["jax"],
    "jax/scan-25": STEPS["jax"] + CALLS["jax"] / 25,
    "jax/jit-optax": 1.5e-3,
    "torch/compile": 3e-3,
}


def document(seconds=SECONDS, noise=0.003, seed=1, repetitions=6):
    """A document of these cases, with the figures that the experiment makes of them."""
    generator = np.random.default_rng(seed)
    samples = documents.simulate(
        generator, times=seconds, repetitions=repetitions, sample=noise, process=noise, server=noise
    )
    made = documents.document(samples, experiment="frameworks")
    benchmarks = tuple(
        msgspec.structs.replace(one, extra_info=_with_calls_and_losses(one.extra_info)) for one in made.benchmarks
    )
    made = msgspec.structs.replace(made, benchmarks=benchmarks)
    return documents.rebuilt(made, documents.records(made))


def _with_calls_and_losses(info):
    per_call = 25 if info.case.mode in figures.MANY.values() else 1
    size = msgspec.structs.replace(info.sample_size, steps_per_call=per_call)
    return msgspec.structs.replace(info, sample_size=size, same_model=(_check(info.case.mode),))


def _check(mode):
    other = mode == "jit-optax"
    return SameModel(
        steps=50,
        tf32=False,
        largest_relative_difference=0.07 if other else 2e-7,
        limit=None if other else 1e-5,
        passed=None if other else True,
    )


def figure(made, name, of):
    return {one.name: one for one in made.benchmarks}[name].extra_info.figures[of]


def test_speed_is_over_that_of_the_reference():
    made = document()
    found = figure(made, "torch/compile", figures.SPEED)
    assert found.low < 4 / 3 < found.high
    assert figures.SPEED not in {one.name: one for one in made.benchmarks}["tensorflow/function"].extra_info.figures


@pytest.mark.parametrize(("framework", "many"), [("tensorflow", "xla-loop-fused"), ("jax", "scan-25")])
def test_the_share_of_a_call_is_what_the_fit_says(framework, many):
    found = figure(document(), f"{framework}/{many}", figures.CALL)
    call, step = CALLS[framework], STEPS[framework]
    assert found.low < call / (call + step) < found.high
    assert found.high - found.low < 0.1


def test_the_fit_covers_the_truth_as_often_as_its_interval_says():
    held = 0
    for seed in range(200):
        found = figure(document(seed=seed, repetitions=4), "tensorflow/xla-loop-fused", figures.CALL)
        held += found.low < 1 / 3 < found.high
    assert held >= 180  # 95% of 200 less more than three standard errors


def test_the_fastest_is_named_with_the_best_of_each_framework_and_where_a_call_takes_longer():
    fastest, best, calls, gap, others = exhibit.findings(document(noise=0.001))
    assert fastest.startswith("Fastest: jax/scan-25 with ")
    assert fastest.endswith("steps/s; the other 6 are slower (99.76% intervals, since 7 were tried).")
    assert best.startswith("Best of each over TensorFlow's, tensorflow/xla-loop-fused: JAX (jax/scan-25) 1.07x [")
    assert "], PyTorch (torch/compile) 0.68" in best
    assert "(slower) the steps/s (99.76% intervals" in best
    assert "TensorFlow 1.0" in calls or "TensorFlow 0.9" in calls
    assert "fitted from 1 and 25 steps a call" in calls
    call, step = (float(number) for number in re.findall(r"the (?:call|step) ([\d.]+)", gap))
    assert gap.startswith("What a call of one step takes more in TensorFlow than in JAX: the call ")
    assert (call, step) == (pytest.approx(0.9, abs=0.05), pytest.approx(0.1, abs=0.05))
    assert others == "Not the same model, for their Adam makes another update: losses differ in jax/jit-optax by 7.00%."


def test_what_cannot_be_told_apart_is_inconclusive():
    alike = {**SECONDS, "jax/scan-25": 2.04e-3, "tensorflow/xla-loop-fused": 2.04e-3}
    fastest, best, *_ = exhibit.findings(document(alike, noise=0.02))
    assert fastest.startswith("Fastest: inconclusive between ")
    assert "(inconclusive), PyTorch" in best


def test_alone_there_is_nothing_to_compare_with():
    only = {name: value for name, value in SECONDS.items() if name.startswith("tensorflow/")}
    said = exhibit.findings(document(only))
    assert [sentence.partition(" ")[0] for sentence in said] == ["Fastest:", "A"]


def test_a_call_that_takes_no_longer_says_so():
    longer = {**SECONDS, "tensorflow/xla-loop-fused": 3.5e-3}
    calls = exhibit.findings(document(longer))[2]
    assert "ms (less), and a step" in calls


def test_a_missing_counterpart_is_a_reason():
    without = {name: value for name, value in SECONDS.items() if name != "jax/scan-1"}
    made = document(without)
    assert figure(made, "jax/scan-25", figures.CALL).reason == "jax/scan-1 was not measured"
    assert "JAX" not in exhibit.findings(made)[2]


def test_tables_and_plot_show_every_case():
    made = document()
    rows = exhibit.table(made).rows
    assert [row[0] for row in rows] == list(SECONDS)
    assert rows[list(SECONDS).index("jax/jit-optax")][-1] == "7.0e-02, another update"
    assert [row[0] for row in exhibit._call_table(made).rows] == ["TensorFlow", "JAX"]
    figure_drawn = exhibit.EXHIBIT.section.draw(made)
    assert len(figure_drawn.axes[0].get_yticks()) == len(SECONDS) - 1


def test_cases_are_those_of_each_framework():
    names = [case.name for case in cases_of(FRAMEWORKS, {"framework": ("jax",), "mode": ("jit",)})]
    assert names == ["tensorflow/function", "jax/jit", "tensorflow/function/control"]
    with pytest.raises(UsageError, match="jax are measured in jit, jit-donated"):
        cases_of(FRAMEWORKS, {"framework": ("jax",), "mode": ("xla",)})
    with pytest.raises(UsageError, match="it is one of tensorflow, jax, torch"):
        cases_of(FRAMEWORKS, {"framework": ("mxnet",)})
    assert EXPERIMENTS["frameworks"].on_request


@pytest.mark.parametrize("on_gpu", [False, True])
def test_cuda_graphs_need_a_gpu(on_gpu):
    room = Room(free_bytes=None, devices=1, on_gpu=on_gpu)
    reasons = {case.mode: FRAMEWORKS.why_not(case, room) for case in cases_of(FRAMEWORKS)}
    assert (reasons.pop("compile-cuda-graphs") is None) is on_gpu
    assert not any(reasons.values())
