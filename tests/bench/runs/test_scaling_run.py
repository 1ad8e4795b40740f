"""Several devices and processes share a step in a whole run: on the screen, the pages, in TensorBoard, and compared."""

import io
import os
import shutil
from pathlib import Path

import msgspec
import psutil
import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.__main__ import app
from bench.errors import ExitCode
from bench.experiments.scaling import figures
from bench.report import fleet, fleet_page, render, run_page, summary
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options

NAMES = ["single/1/64/function", "mirrored/2/64/function", "multi-worker/2/64/function"]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, tiny, new_listener):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores: each is a device")
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(3,), training_steps=10),
        experiments=("scaling",),
        axes={"batch_size": (64,), "devices": (2,)},
        out=tmp_path_factory.mktemp("scaling"),
        data="sample",
        device="cpu",
    )
    return run(options, new_listener())


def bench(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


def test_every_case_is_measured_on_cores_of_its_own(outcome):
    assert outcome.exit_code == ExitCode.OK
    found = {benchmark.name: benchmark.extra_info for benchmark in outcome.document.benchmarks}
    assert list(found) == [*NAMES, f"{NAMES[0]}/control"]
    cores = {name: {len(process.pinned_cores) for process in info.processes} for name, info in found.items()}
    assert [cores[name] for name in NAMES] == [{1}, {2}, {2}]
    assert all(check.passed for info in found.values() for check in info.same_model)


def test_it_leaves_no_process_behind(outcome):
    assert not [child for child in psutil.Process().children(recursive=True) if "bench.worker" in str(child.cmdline())]


@pytest.mark.parametrize("name", NAMES[1:])
def test_figures_are_of_every_repetition(outcome, name):
    info = next(one.extra_info for one in outcome.document.benchmarks if one.name == name)
    assert [(one.name, one.repetition) for one in info.quantities] == [
        (measured, number) for number in (1, 2, 3) for measured in (figures.GRADIENTS, figures.ALL_REDUCE)
    ]
    assert {one.values.get(figures.ALL_REDUCE_BYTES) for one in info.quantities} == {None, 872_768.0}
    for figure in (figures.SPEEDUP, figures.STRONG, figures.SHARE, figures.GRADIENTS_SECONDS):
        estimate = info.figures[figure]
        assert 0 < estimate.low <= estimate.value <= estimate.high
    assert figures.over_others(info.figures).keys() == {0, 1}
    assert figures.sizes_of(info.figures) == [4, 65_536, 1_048_576, 16_777_216]


def test_its_file_its_screen_and_its_pages(outcome, tmp_path):
    path = outcome.folder / "result.json"
    assert bench("validate", path)[0] == 0
    assert files.read(path) == outcome.document
    console = Console(file=io.StringIO(), width=100)
    console.print(summary.summary(outcome.document))
    text = " ".join(console.file.getvalue().split())
    assert "2 cores (mirrored): " in text
    assert "2 cores (multi-worker): the all-reduce of the gradients alone takes" in text
    assert "no latency" not in text
    assert (outcome.folder / "plots" / "scaling.png").is_file()
    assert "All-reduce by size" in render.html(run_page.page(outcome.document, outcome.folder))
    two = [Path(shutil.copy(path, tmp_path / name)) for name in ("one.json", "two.json")]
    assert bench("compare", *two)[0] == 0
    assert "scaling/mirrored/2/64/function" in render.html(fleet_page.page(fleet.load(two)))


def test_tensorboard_has_a_trace_of_the_first_rank(outcome):
    """The others do as many steps meanwhile: what they traced would be on their own hosts."""
    folders = {path.name for path in (outcome.folder / "tensorboard").iterdir() if path.is_dir()}
    name = "scaling-multi-worker-2-64-function"
    assert {name, "scaling-mirrored-2-64-function"} <= folders
    assert not [folder for folder in folders if "rank" in folder]
    profiles = {one.name: one.extra_info.profile for one in outcome.document.benchmarks}
    assert all(profile.status == "ok" for profile in profiles.values() if profile)


def test_ranks_log_apart(outcome):
    logs = {path.name for path in (outcome.folder / "logs" / "repetition-1").iterdir()}
    assert {f"scaling-multi-worker-2-64-function-rank-{rank}.log" for rank in (0, 1)} <= logs
