"""Precisions in a whole run: what is measured, skipped, reported and not judged; on the screen, the page, the file."""

import io

import msgspec
import pytest
from rich.console import Console

from bench.errors import ExitCode
from bench.experiments.precision import figures
from bench.report import render, run_page, summary
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options

FLOAT32, BFLOAT16 = "float32/64/xla", "mixed_bfloat16/64/xla"
SEEDS = {figures.of_seed(1234 + number) for number in range(figures.SEEDS)}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, tiny, new_listener):
    options = Options(
        # One repetition: it has as many seeds as an interval needs.
        preset=msgspec.structs.replace(tiny, looks=(1,), training_steps=10),
        experiments=("precision",),
        axes={"precision": ("tf32", "mixed_bfloat16"), "batch_size": (64,), "mode": ("xla",)},
        out=tmp_path_factory.mktemp("precision"),
        data="sample",
        device="cpu",
    )
    return run(options, new_listener())


@pytest.fixture(scope="module")
def found(outcome):
    return {benchmark.name: benchmark.extra_info for benchmark in outcome.document.benchmarks}


def test_what_the_cpu_has_not_is_skipped_and_the_rest_measured(outcome, found):
    assert outcome.exit_code == ExitCode.OK
    assert list(found) == ["float32/64/function", FLOAT32, BFLOAT16, "float32/64/function/control"]
    states = {case.name: case for case in outcome.document.experiment.cases}
    assert states["tf32/64/xla"].skipped == "tf32 needs a GPU of compute capability 8.0, and this is a CPU"


def test_float32_is_judged_and_fewer_bits_are_reported(found):
    (exact,), (cast,) = found[FLOAT32].same_model, found[BFLOAT16].same_model
    assert (exact.passed, exact.limit, exact.steps) == (True, 1e-5, 50)
    assert (cast.passed, cast.limit, cast.steps) == (None, None, 50)
    assert exact.largest_relative_difference < 1e-5 < cast.largest_relative_difference < 0.1


def test_trainings_of_the_same_seeds_are_compared(found):
    for name in (FLOAT32, BFLOAT16):
        (one,) = found[name].quantities
        assert one.values.keys() == SEEDS
        assert all(0.005 < loss < 0.06 for loss in one.values.values())
    loss = found[BFLOAT16].figures[figures.LOSS]
    assert loss.low < loss.value < loss.high
    assert loss.repetitions == figures.SEEDS


def test_its_file_its_screen_and_its_page(outcome):
    assert files.read(outcome.folder / "result.json") == outcome.document
    console = Console(file=io.StringIO(), width=100)
    console.print(summary.summary(outcome.document))
    text = " ".join(console.file.getvalue().split())
    assert "mixed_bfloat16 (xla" in text
    assert "of float32's steps/s; loss after 1,000 steps of 64 rows" in text
    assert "Numerics: 2 of 3 cases match eager" in text
    assert "1 with another precision or update are not judged" in text
    assert (outcome.folder / "plots" / "precision.png").is_file()
    assert "arithmetic: what the device has" in render.html(run_page.page(outcome.document, outcome.folder))


def test_a_case_says_its_precision_as_a_parameter(outcome):
    params = {benchmark.name: benchmark.params["precision"] for benchmark in outcome.document.benchmarks}
    assert params[BFLOAT16] == "mixed_bfloat16"
