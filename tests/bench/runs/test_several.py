"""Several experiments in one run: they share servers, and nothing that belongs to one of them."""

import io
import sys

import msgspec
import pytest
from rich.console import Console

from bench.compare import stored_run
from bench.compare.compare import compare
from bench.errors import ExitCode
from bench.report.summary import summary
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, tiny, new_listener):
    """One has its limits measured, and a case that does many steps in a call."""
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(2,), training_steps=10, least_rounds=2, most_rounds=2),
        experiments=("modes", "roofline"),
        only=("function/resident", "xla-loop-fused"),
        out=tmp_path_factory.mktemp("several"),
        data="sample",
        device="cpu",
        server_command=(sys.executable, "-m", "support.servers.hurried"),
    )
    view = new_listener()
    return run(options, view), view


def test_each_has_its_own_cases_repetitions_and_control(outcome):
    document = outcome[0].document
    assert outcome[0].exit_code == ExitCode.OK
    modes, roofline = document.autoencoder_bench.experiments
    assert [case.name for case in modes.cases] == ["function/resident", "function/resident/control"]
    assert [case.name for case in roofline.cases] == ["function", "xla-loop-fused", "function/control"]
    assert [experiment.reference for experiment in (modes, roofline)] == ["function/resident", "function"]
    for experiment in (modes, roofline):
        assert [repetition.repetition for repetition in experiment.repetitions] == [1, 2]
        assert experiment.stopping.reason == "fixed"
        assert experiment.control.ratio.value is not None
    assert [(one.name, one.repetition) for one in roofline.quantities] == [("peaks", 1), ("peaks", 2)]
    assert modes.quantities == ()


def test_they_are_measured_on_the_same_servers_a_repetition_of_each_in_turn(outcome):
    document, view = outcome[0].document, outcome[1]
    modes, roofline = document.autoencoder_bench.experiments
    for ours, theirs in zip(modes.repetitions, roofline.repetitions, strict=True):
        assert ours.server_seconds == theirs.server_seconds
    order = [stage.split(":")[0] for stage in view.stages if stage.startswith(("modes", "roofline"))]
    assert list(dict.fromkeys(order)) == [
        "modes, repetition 1/2",
        "roofline, repetition 1/2",
        "modes, repetition 2/2",
        "roofline, repetition 2/2",
    ]
    assert view.fractions == sorted(view.fractions)
    assert view.fractions[-1] < 1


def test_a_case_of_many_steps_in_a_call_is_counted_in_steps(outcome):
    found = {b.fullname: b.extra_info for b in outcome[0].document.benchmarks}
    loop = found["roofline/xla-loop-fused"]
    assert loop.sample_size.steps_per_call == 25
    assert loop.sample_size.steps % 25 == 0
    assert loop.latency is None
    assert loop.latency_reason == "a call does 25 steps"
    assert (loop.profile.status, loop.profile.step_markers, loop.profile.steps) == ("ok", 3, 75)
    (check,) = loop.same_model
    assert (check.steps, check.passed) == (50, True)
    assert loop.figures["roofline_share"].value > 0
    assert found["modes/function/resident"].figures == {}


def test_files_of_cases_of_one_name_do_not_meet(outcome):
    folder = outcome[0].folder
    profiles = {path.name for path in (folder / "tensorboard").iterdir()}
    assert {"modes-function-resident", "roofline-function", "roofline-xla-loop-fused"} <= profiles
    logs = {path.name for path in (folder / "logs" / "repetition-2").iterdir()}
    assert {"modes-function-resident.log", "roofline-function.log", "peaks.log"} <= logs
    assert (folder / "plots" / "roofline.png").is_file()


def test_such_a_result_is_read_shown_and_compared_by_full_names(outcome):
    path = outcome[0].folder / "result.json"
    document = files.read(path)
    assert document == outcome[0].document
    console = Console(file=io.StringIO(), width=100)
    console.print(summary(document))
    text = console.file.getvalue()
    assert "\nModes " in text
    assert "\nRoofline " in text
    run_of_it = stored_run.load(path)
    assert set(run_of_it.cases) == {"modes/function/resident", "roofline/function", "roofline/xla-loop-fused"}
    (part, _) = document.parts()
    modes_only = stored_run.of_document(path.with_name("modes.json"), part)
    found = compare(run_of_it, modes_only)  # it was not asked for the other experiment, so nothing has vanished
    assert {case.name: case.state for case in found.cases} == {"modes/function/resident": "compared"}
    assert "roofline is in" in found.notes[-1]
    assert "only: not compared." in found.notes[-1]
