"""What a sound run leaves."""

import json
import os
import random

import matplotlib.image

from bench.errors import ExitCode
from bench.experiments.base import cases_of
from bench.experiments.registry import EXPERIMENTS
from bench.results import files

NAMES = [case.name for case in cases_of(EXPERIMENTS["modes"])]


def test_a_sound_run_is_complete(finished):
    outcome, view, out = finished
    assert outcome.exit_code == ExitCode.OK
    assert [benchmark.name for benchmark in outcome.document.benchmarks] == NAMES
    section = outcome.document.autoencoder_bench
    assert section.status == "complete"
    assert files.read(outcome.folder / "result.json") == outcome.document
    assert (out / "latest.txt").read_text().strip() == outcome.folder.name
    assert view.lines[0].startswith("Device: CPU")
    assert view.fractions == sorted(view.fractions)
    assert view.fractions[-1] < 1


def test_every_case_was_measured_in_every_repetition_and_round(finished):
    for benchmark in finished[0].document.benchmarks:
        assert [process.rounds for process in benchmark.extra_info.processes] == [(0, 1, 2, 3)] * 3
        assert [process.repetition for process in benchmark.extra_info.processes] == [1, 2, 3]
        assert benchmark.stats.rounds == len(benchmark.stats.data) == 12
        assert benchmark.stats.iterations == benchmark.extra_info.sample_size.steps >= 3


def test_the_order_is_the_seeds(finished):
    for repetition in finished[0].document.experiment.repetitions:
        shuffler = random.Random(f"1234/{repetition.repetition}")
        expected = [tuple(shuffler.sample(NAMES, len(NAMES))) for _ in range(5)]
        order = [tuple(repetition.cases[i] for i in places) for places in repetition.order]
        assert order == expected[1:]  # the first round only warms up


def test_first_calls_are_taken_apart(finished):
    for benchmark in finished[0].document.benchmarks:
        for process in benchmark.extra_info.processes:
            mode = benchmark.extra_info.case.mode
            assert (process.trace_seconds is None) == (mode == "eager")
            assert (process.compile_seconds is not None) == (mode == "xla")
            assert process.first_step_seconds > 0
            assert process.start_method == "fork"
            assert "CPU:0" in process.device


def test_workers_are_ready_within_a_fraction_of_a_cold_start(finished):
    document = finished[0].document
    cold = min(repetition.server_seconds for repetition in document.experiment.repetitions)
    ready = [process.ready_seconds for benchmark in document.benchmarks for process in benchmark.extra_info.processes]
    assert sorted(ready)[len(ready) // 2] < cold / 3


def test_the_same_model_was_checked_and_passed(finished):
    for benchmark in finished[0].document.benchmarks:
        (check,) = benchmark.extra_info.same_model
        assert check.passed
        assert check.steps == 50
        assert check.largest_relative_difference <= check.limit == 1e-5


def test_latency_and_profiles(finished):
    outcome = finished[0]
    *cases, control = outcome.document.benchmarks
    assert (control.extra_info.latency, control.extra_info.latency_reason) == (
        None,
        "an A/A control is no case of its own",
    )
    for benchmark in cases:
        latency, profile = benchmark.extra_info.latency, benchmark.extra_info.profile
        assert latency.steps == 30
        assert 0 < latency.p50_seconds <= latency.p95_seconds
        assert latency.p99_seconds is None
        assert (profile.status, profile.step_markers) == ("ok", 5)
        assert len(list((outcome.folder / profile.folder).glob("plugins/profile/*/worker.xplane.pb"))) == 1


def test_plots_and_logs(finished):
    folder = finished[0].folder
    for name in ("loss", "originals", "encodings", "reconstructions", "steps_per_second"):
        assert matplotlib.image.imread(folder / "plots" / f"{name}.png").std() > 0.01
    assert len((folder / "plots" / "losses.csv").read_text().splitlines()) == 1 + 121
    for repetition in (1, 2, 3):
        logs = {path.name for path in (folder / "logs" / f"repetition-{repetition}").iterdir()}
        assert {"server.log"} | {"modes-" + name.replace("/", "-") + ".log" for name in NAMES} <= logs


def test_training_learns(finished):
    training = finished[0].document.autoencoder_bench.training
    assert training.final_loss < training.first_loss / 2


def test_no_host_name_travels(finished):
    outcome = finished[0]
    node = os.uname().nodename
    document = json.loads((outcome.folder / "result.json").read_text())
    assert document["machine_info"]["node"] == "test"
    assert not [path for path in outcome.folder.glob("**/*") if path.name.startswith(f"{node}.")]
    assert node not in _strings(document)


def _strings(tree):
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _strings(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _strings(value)
    elif isinstance(tree, str):
        yield tree


def test_speedups_are_paired_with_the_same_pipeline(finished):
    found = {b.name: b.extra_info.speedup_over_eager for b in finished[0].document.benchmarks}
    assert found["eager/resident"].reason == "this is eager"
    for name in ("xla/notebook", "function/resident"):
        assert found[name].repetitions == 3
        assert found[name].low <= found[name].value <= found[name].high
