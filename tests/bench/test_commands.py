"""The commands that show: profile, report, tensorboard, as their users meet them."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience
from support.documents import foreign

from bench.errors import UsageError
from bench.experiments.selection import case_named
from bench.results import files

BENCH = Path(sys.executable).with_name("bench")


def bench(*arguments, cwd=None):
    command = [str(BENCH), *map(str, arguments)]
    variables = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=patience.limit(200), check=False, env=variables, cwd=cwd
    )


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    out = tmp_path_factory.mktemp("profiled")
    options = ("--steps", 30, "--python-tracer", "--data", "sample", "--device", "cpu")
    return bench("profile", "function/prefetch-1", *options, "--out", out), out


def test_a_profile_of_one_case_has_the_steps_and_tracers_that_were_asked_for(profiled):
    done, out = profiled
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*/result.json")
    document = files.read(path)
    assert [one.name for one in document.autoencoder_bench.experiments] == ["pipelines"]
    profile = next(b.extra_info.profile for b in document.benchmarks if b.name == "function/prefetch-1")
    assert (profile.steps, profile.step_markers, profile.tracers.python) == (30, 30, True)
    assert profile.breakdown.split.steps <= 30


def test_a_profile_shows_the_step_in_parts_and_what_to_do_next(profiled):
    text = profiled[0].stdout
    assert "Step time breakdown of pipelines/function/prefetch-1" in " ".join(text.split())
    for word in ("untraced", "traced", "compute", "input", "idle", "Operations that take longest"):
        assert word in text
    assert "bench tensorboard " in text
    assert list(profiled[1].glob("*/report.html"))


def test_pythons_calls_that_were_asked_for_are_there_or_missed(profiled):
    (path,) = profiled[1].glob("*/result.json")
    profiles = [benchmark.extra_info.profile for benchmark in files.read(path).benchmarks]
    missing = any(profile.python_events == 0 for profile in profiles)
    assert ("recorded none" in profiled[0].stdout) == missing


def test_a_case_that_is_not_there_is_named_with_its_neighbours(tmp_path):
    done = bench("profile", "xla/notebok", "--out", tmp_path)
    assert done.returncode == 2
    assert "Did you mean xla/notebook" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_experiment_of_a_case_is_the_first_that_has_it():
    assert case_named("xla/resident", None).experiment == "modes"
    assert case_named("xla/resident", "pipelines").experiment == "pipelines"
    assert case_named("xla-loop", None).experiment == "roofline"


@pytest.mark.parametrize("axis", ["environment=OMP_NUM_THREADS=1", "precision=tf32"])
def test_over_ranks_no_axis_is_varied_that_they_would_not_share(axis, tmp_path):
    done = bench(
        "rank",
        "--rank",
        "0",
        "--ranks",
        "2",
        "--coordinator",
        "127.0.0.1",
        "--axis",
        axis,
        "--out",
        tmp_path / "results",
    )
    assert done.returncode == 2
    assert "over ranks batch_size and mode are varied" in " ".join(done.stderr.split())
    assert not (tmp_path / "results").exists()


def test_only_what_tensorflow_runs_is_traced():
    assert case_named("tensorflow/xla", None).experiment == "frameworks"
    with pytest.raises(UsageError, match=r"jax/jit: only cases in TensorFlow are traced"):
        case_named("jax/jit", None)


def test_a_report_of_the_newest_run_goes_into_its_folder(finished, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(finished[2], results)
    report = results / finished[0].folder.name / "report.html"
    report.unlink()
    done = bench("report", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"Report: {report.relative_to(tmp_path)}\n")
    assert "data:image/png" in report.read_text()


def test_a_run_without_traces_and_plots_has_a_report_too(finished, tmp_path):
    shutil.copy(finished[0].folder / "result.json", tmp_path)
    done = bench("report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'id="training"' in (tmp_path / "report.html").read_text()


def test_what_cannot_be_read_is_named_and_gives_2(finished, reference, tmp_path):
    (tmp_path / "half.json").write_text("{")
    done = bench("report", finished[0].folder, reference / "quick.json", tmp_path / "half.json", "--out", tmp_path)
    assert done.returncode == 2
    assert "half.json" in done.stderr
    assert "2 runs of" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report",), "results has no run yet"),
        (("report", "nowhere.json"), "nowhere.json"),
        (("report", "."), "has no result in it"),
        (("tensorboard",), "results has no run yet"),
        (("tensorboard", "nowhere"), "no such folder"),
    ],
)
def test_what_is_not_there_is_one_line_and_2(tmp_path, arguments, message):
    done = bench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_results_file_that_names_another_folder_is_not_followed(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "latest.txt").write_text("../../etc\n")
    done = bench("report", cwd=tmp_path)
    assert done.returncode == 2
    assert "which is not there" in done.stderr


def test_a_report_of_a_file_of_another_tool_says_what_to_do(tmp_path):
    done = bench("report", foreign(tmp_path / "other", 10), "--out", tmp_path)
    assert done.returncode == 2
    assert "bench compare" in done.stderr


def test_a_port_in_use_is_one_line_and_2(finished):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = bench("tensorboard", finished[0].folder, "--port", other.getsockname()[1])
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert len(done.stderr.splitlines()) == 1
