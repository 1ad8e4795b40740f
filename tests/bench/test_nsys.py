"""`bench profile --nsys`: the command that it prints or runs, with a stand-in for Nsight Systems and a real process."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience
from support.stand_in_nsys import OPTIONS

from bench.errors import BenchError, UsageError
from bench.experiments import selection
from bench.machine import device, variables
from bench.machine.device import DeviceChoice
from bench.protocol import nsys_process
from bench.run import nsys

HERE = Path(__file__).parent
GPU = DeviceChoice("gpu", "for a test", {"CUDA_VISIBLE_DEVICES": "1"}, "gpu", ("1",))


def process(**changes):
    usual = {
        "case": selection.case_named("xla/notebook", "modes"),
        "steps": 7,
        "device": "gpu",
        "data": "auto",
        "seed": 1,
    }
    return nsys_process.Process(**{**usual, **changes})


def options_of(words):
    return dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)


@pytest.fixture
def installed(tmp_path):
    """The variables of a process that finds nsys, and where that takes down what it was given."""
    pytest.importorskip("nvtx")
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "nsys"
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "support.stand_in_nsys"])} "$@"\n')
    program.chmod(0o755)
    record = tmp_path / "record.json"
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "NSYS_RECORD": str(record)}, record


def profile(out, *options, environment):
    words = ["profile", "function/resident", "--nsys", "--steps", "3", "--data", "sample", "--device", "cpu"]
    return subprocess.run(
        [sys.executable, "-P", "-m", "bench", *words, "--out", str(out), *options],
        capture_output=True,
        text=True,
        timeout=patience.limit(120),
        check=False,
        env=environment,
    )


def without_nsys():
    """The variables of a process that finds none, also where one is installed."""
    return {**os.environ, "PATH": "/nowhere"}


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_every_option_is_one_of_nsight_systems(kind):
    words = nsys.command(process(device=kind), Path("out/steps"))
    options = options_of(words)
    assert words[:2] == ["nsys", "profile"]
    assert set(options) <= set(OPTIONS)
    assert ("cuda" in options["--trace"], "--cuda-graph-trace" in options) == ((kind == "gpu"),) * 2


def test_what_is_captured_is_the_range_of_all_steps_and_the_process_goes_on_after_it():
    options = options_of(nsys.command(process(), Path("steps")))
    assert options["--capture-range"] == "nvtx"
    assert options["--nvtx-capture"] == f"{nsys_process.RANGE}@{nsys_process.DOMAIN}"
    assert options["--capture-range-end"] == "stop"


def test_a_percent_sign_in_a_folder_is_no_pattern():
    assert options_of(nsys.command(process(), Path("100%/steps")))["--output"] == "100%%/steps"


def test_the_process_is_told_all_that_a_case_depends_on():
    words = nsys.command(process(tf32=False), Path("steps"), python="python")
    told = words[words.index("python") :]
    assert told[:4] == ["python", "-P", "-m", "bench.worker.nsys_steps"]
    assert told[4:] == shlex.split("--case modes/xla/notebook --steps 7 --device gpu --data auto --seed 1 --tf32 off")


def test_variables_are_those_of_servers_and_the_cache_of_kernels(tmp_path):
    mine = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_FLAGS": "--xla_x", "XDG_CACHE_HOME": str(tmp_path)}
    changed = nsys.variables(GPU, mine)
    assert changed["TF_FORCE_GPU_ALLOW_GROWTH"] == ""
    assert changed["CUDA_VISIBLE_DEVICES"] == "1"
    assert Path(changed["CUDA_CACHE_PATH"]).is_relative_to(tmp_path)
    assert "XLA_FLAGS" not in changed  # it stays as it is
    words = shlex.split(nsys.line(["nsys", "profile"], changed))
    assert words[0] == "env"
    assert words[words.index("TF_FORCE_GPU_ALLOW_GROWTH") - 1] == "-u"
    assert "CUDA_VISIBLE_DEVICES=1" in words


def test_a_memory_policy_needs_the_device_it_is_of():
    for name, kind in (("growth/function", "cpu"), ("host/function", "gpu")):
        with pytest.raises(UsageError, match=name):
            nsys_process.require_fit(selection.case_named(name, "memory"), kind)
        nsys_process.require_fit(selection.case_named(name, "memory"), {"cpu": "gpu", "gpu": "cpu"}[kind])


def test_reports_of_one_second_have_folders_of_their_own(tmp_path):
    from bench.machine import environment

    now = environment.now()
    first = nsys.report_in(tmp_path, process(), "gpu", "lab", now)
    second = nsys.report_in(tmp_path, process(), "gpu", "lab", now)
    assert first.parent != second.parent
    assert first.parent.is_dir()
    assert first.parent.name.endswith("-gpu-modes-xla-notebook-lab")


def test_it_runs_where_nsys_is_and_says_where_the_report_is(installed, tmp_path):
    environment, record = installed
    done = profile(tmp_path / "out", environment={**environment, "TF_GPU_ALLOCATOR": "cuda_malloc_async"})
    assert done.returncode == 0, done.stderr
    (report,) = (tmp_path / "out" / "nsys").glob("*-cpu-modes-function-resident/steps.nsys-rep")
    assert str(report) in done.stdout
    assert "3 steps in NVTX ranges, on the CPU" in (report.parent / nsys.LOG).read_text()
    given = json.loads(record.read_text())
    assert given["command"][0] == sys.executable
    assert "TF_GPU_ALLOCATOR" not in given["variables"]
    assert given["variables"]["CUDA_VISIBLE_DEVICES"] == "-1"


@pytest.mark.parametrize(
    ("told", "words"),
    [({"NSYS_EXIT": "3"}, ("exit code 3", "3 steps in NVTX ranges")), ({"NSYS_NO_REPORT": "1"}, ("left no report",))],
    ids=["exit-code", "no-report"],
)
def test_its_failure_ends_the_command_with_1_and_its_last_line(installed, tmp_path, told, words):
    done = profile(tmp_path, environment={**installed[0], **told})
    assert done.returncode == 1
    assert all(word in done.stderr for word in (*words, nsys.LOG))
    assert len(done.stderr.splitlines()) == 1


def test_what_ends_the_process_is_said_too(installed, tmp_path):
    done = profile(tmp_path, "--data", "no-such-folder", environment=installed[0])
    assert done.returncode == 1
    assert "no-such-folder" in done.stderr


def test_a_command_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BenchError, match="no-such-command"):
        nsys.run([str(tmp_path / "no-such-command")], {}, tmp_path / "steps")


def test_the_printed_line_runs_as_it_stands(installed, tmp_path):
    printed = profile(tmp_path / "it's 100%", environment=without_nsys())
    assert printed.returncode == 0, printed.stderr
    (line,) = printed.stdout.splitlines()
    environment, record = installed
    # Whoever pastes it has settings of their own: those that would change the case are taken out.
    theirs = {**environment, "TF_GPU_ALLOCATOR": "cuda_malloc_async", "CUDA_VISIBLE_DEVICES": "0"}
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=patience.limit(120), check=False, env=theirs
    )
    assert done.returncode == 0, done.stderr
    assert "3 steps in NVTX ranges, on the CPU" in done.stdout
    (report,) = (tmp_path / "it's 100%" / "nsys").glob("*/steps.nsys-rep")
    assert report.stat().st_size > 0
    kept = json.loads(record.read_text())["variables"]
    assert kept["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "TF_GPU_ALLOCATOR" in variables.taken_out(theirs)
    assert "TF_GPU_ALLOCATOR" not in kept


def test_without_a_gpu_the_line_is_for_another_machine_and_has_nothing_of_this_one(tmp_path):
    if device.driver_sign():
        pytest.skip("there is a driver here")
    done = profile(tmp_path / "out", "--device", "gpu", "--gpu", "1", environment=without_nsys())
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert "CUDA_VISIBLE_DEVICES=1" in line
    assert "--output=modes-function-resident python -P" in line
    assert not any(path in line for path in (str(tmp_path), sys.executable, str(Path.home())))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--host-tracer", "3"), "tracers"),
        (("--label", "a/b"), "--label"),
        (("--experiment", "mode"), "Did you mean modes"),
        (("--out", "/proc/nothing"), "--out"),
        (("--gpu", "0"), "contradicts"),
    ],
)
def test_bad_usage_exits_with_2(tmp_path, options, message):
    done = profile(tmp_path, *options, environment=without_nsys())
    assert done.returncode == 2
    assert message in done.stderr


def test_a_missing_package_is_said_before_anything_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "nvtx", None)
    with pytest.raises(UsageError, match="pip install -c constraints"):
        nsys_process.require_nvtx()
