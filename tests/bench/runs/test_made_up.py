"""An experiment of the tests' own goes through everything, and no file of the suite has heard of it."""

import io
import json
import shutil
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest
from rich.console import Console
from support.made_up.experiment import REREADS, SHARE
from typer.testing import CliRunner

from bench.__main__ import app
from bench.errors import ExitCode
from bench.experiments.registry import EXPERIMENTS
from bench.report import fleet, fleet_page, render, run_page, summary
from bench.results import files, json_schema
from bench.run.against import Against
from bench.run.execute import run
from bench.run.options import Options

SERVER = (sys.executable, "-m", "support.made_up.server")


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Its one line in the registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, REREADS.name, REREADS)
        yield


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, tiny, new_listener, registered):
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(3,), training_steps=10),
        experiments=("rereads",),
        out=tmp_path_factory.mktemp("rereads"),
        data="sample",
        device="cpu",
        server_command=SERVER,
    )
    return run(options, new_listener())


def bench(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


def test_it_is_listed():
    exit_code, text = bench("list")
    assert exit_code == 0
    assert "experiment rereads: What is reading the weights beside a step?" in text
    assert "  resident/control  (A/A control: resident once more)" in text


def test_it_is_measured_with_what_is_its_own(outcome):
    assert outcome.exit_code == ExitCode.OK
    found = {benchmark.name: benchmark.extra_info for benchmark in outcome.document.benchmarks}
    assert list(found) == ["resident", "prefetch-1", "resident/control"]
    for info in found.values():
        assert [(one.name, one.repetition) for one in info.quantities] == [("reread", 1), ("reread", 2), ("reread", 3)]
        assert all(one.values["weights_bytes"] == 4 * 2 * (784 * 128 + 128 * 64) for one in info.quantities)
        assert all(one.reasons == {"gpu": "there is none"} for one in info.quantities)
        share = info.figures[SHARE]
        assert 0 < share.low < share.value < share.high
    assert [one.name for one in outcome.document.experiment.quantities] == ["start"] * 3


def test_its_file_is_sound(outcome):
    path = outcome.folder / "result.json"
    assert bench("validate", path)[0] == 0
    assert files.read(path) == outcome.document
    jsonschema.validate(json.loads(path.read_text()), json_schema.generate())


def test_the_screen_shows_its_table_and_its_finding(outcome):
    console = Console(file=io.StringIO(), width=100)
    console.print(summary.summary(outcome.document))
    text = console.file.getvalue()
    assert "Rereads " in text
    assert "reading: share of a step." in text
    assert "- resident: reading the weights takes" in text


def test_the_report_has_its_section_and_its_plot(outcome):
    assert (outcome.folder / "plots" / "rereads.png").is_file()
    page = run_page.page(outcome.document, outcome.folder)
    (section,) = [section for section in page.sections if section.anchor == "rereads"]
    assert section.title == "Reading weights"
    assert len(section.points) == 2
    assert section.plots[0].markup.startswith("<svg")
    assert "Reading weights" in render.html(page)


@pytest.fixture(scope="module")
def two(outcome, tmp_path_factory):
    """Its result twice."""
    folder = tmp_path_factory.mktemp("two")
    return [Path(shutil.copy(outcome.folder / "result.json", folder / name)) for name in ("one.json", "two.json")]


def test_the_report_of_many_has_its_cases(two):
    text = render.html(fleet_page.page(fleet.load(two)))
    assert "rereads/prefetch-1" in text


def test_two_results_are_compared(two):
    exit_code, text = bench("compare", *two)
    assert exit_code == 0
    assert "prefetch-1" in text


def test_tensorboard_has_a_run_of_each_case(outcome):
    runs = {path.name for path in (outcome.folder / "tensorboard").iterdir() if path.is_dir()}
    assert {"rereads-resident", "rereads-prefetch-1", "rereads-resident-control"} <= runs


def test_two_interpreters_measure_it_side_by_side(tmp_path, tiny, listener):
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(1,), training_steps=10),
        experiments=("rereads",),
        only=("prefetch-1",),
        out=tmp_path,
        data="sample",
        device="cpu",
        profile=False,
        server_command=SERVER,
        against=Against(Path(sys.executable), "same"),
    )
    outcome = run(options, listener)
    assert outcome.exit_code == ExitCode.OK
    assert [benchmark.name for benchmark in outcome.base.benchmarks] == ["resident", "prefetch-1", "resident/control"]
    assert all(benchmark.extra_info.quantities for benchmark in outcome.document.benchmarks)
