"""`bench doctor`: on this machine, with a GPU made of stand-ins, and on machines with something wrong."""

import json
import os
import subprocess
import sys

import pytest
from support import patience

from bench.doctor import gpu, host, tensorflow_runs
from bench.machine import nvml
from bench.machine.device import driver_sign
from bench.machine.facts import look
from bench.results.record import Fact

STAND_IN = ("-m", "support.gpu_stand_in")
SUBJECTS = {
    "TensorFlow",
    "device",
    "XLA",
    "profiling",
    "CPU",
    "load",
    "limits",
    "environment",
    "commit",
    "memory",
    "disk",
    "data",
    "TensorBoard",
}


def examine(*arguments, environment=None, script=("-m", "bench")):
    command = [sys.executable, *map(str, script), "doctor", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=patience.limit(120), check=False, env=environment
    )


def test_this_machine_without_its_gpu_is_well(tmp_path):
    done = examine("--device", "cpu", "--data", "sample", "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stdout
    findings = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert set(findings) >= SUBJECTS
    assert findings["device"]["text"] == "the CPU (as asked)"
    assert findings["XLA"]["text"].startswith("compiles, in")
    assert "a trace holds 5 steps" in findings["profiling"]["text"]
    assert all(finding["remedy"] for finding in findings.values() if finding["state"] != "ok")


def test_with_a_gpu_it_looks_at_that_too(stand_in, tmp_path):
    """One that is throttled and shared: warnings, and no problem. The stand-in's trace has no events of a GPU."""
    stand_in.set("throttle", 0x40)
    stand_in.set("foreign", 4_000_000)
    variables = {**stand_in.environment, "XDG_CACHE_HOME": str(tmp_path)}
    done = examine("--data", "sample", "--out", tmp_path, environment=variables, script=STAND_IN)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for mark, text in [
        ("ok", "TensorFlow sees Stand-in GPU"),
        ("ok", "580.65.06"),
        ("warning", "throttled now: hardware thermal slowdown"),
        ("warning", "1 other process on the GPU"),
        ("ok", "compute mode DEFAULT, MIG off"),
        ("ok", "cold, on a folder that lasts"),
    ]:
        assert any(line.startswith(mark) and text in line for line in lines), text
    assert lines[-1].endswith("warnings") or lines[-1].endswith("warning")


def test_problems_exit_with_1_and_their_remedies(tmp_path):
    """A GPU that is asked for and not there, a folder without data, and one that nobody can write to."""
    if driver_sign():
        pytest.skip("there is a driver here")
    (tmp_path / "data").mkdir()
    done = examine("--gpu", "0", "--data", tmp_path / "data", "--out", "/proc/nothing")
    assert done.returncode == 1
    assert "No GPU: " in done.stdout
    for subject in ("device", "data", "disk"):
        assert f"PROBLEM  {subject}" in done.stdout
    assert done.stdout.count("-> ") >= 3
    assert "3 problems" in done.stdout.splitlines()[-1]


class Gpu:
    """A GPU of these facts, with so many others on it."""

    absent = None

    def __init__(self, others=0, **facts):
        self._others = others
        assert facts.keys() <= nvml.Gpu(absent="none").facts().keys()
        self._facts = {name: Fact(value=facts.get(name)) for name in nvml.Gpu(absent="none").facts()}

    def facts(self):
        return self._facts

    def others(self):
        return (None, "Not Supported") if self._others is None else (self._others, None)


@pytest.mark.parametrize(
    ("facts", "subject", "state"),
    [
        ({"driver": "580.1"}, "driver", "ok"),
        ({"driver": "470.82.1"}, "driver", "problem"),
        ({"driver": "550.90.07", "compute_capability": "8.0"}, "driver", "ok"),
        ({"driver": "550.90.07", "compute_capability": "9.0"}, "driver", "problem"),
        ({"driver": "555.42.02", "compute_capability": "9.0"}, "driver", "ok"),
        ({"driver": None}, "driver", "ok"),
        ({"compute_capability": "10.0"}, "GPU", "warning"),
        ({"compute_capability": "12.0"}, "GPU", "warning"),
        ({"mps": True}, "MPS", "warning"),
        ({"clocks_set": True}, "clocks", "ok"),
        ({"throttled_by": "software power cap", "celsius": 80}, "clocks", "warning"),
        ({"others": None}, "sharing", "warning"),
        ({"compute_mode": "PROHIBITED"}, "mode", "problem"),
        ({"compute_mode": "EXCLUSIVE_PROCESS"}, "mode", "warning"),
        ({"mig": True}, "mode", "warning"),
        ({"persistence": False}, "mode", "warning"),
        ({"persistence": True}, "mode", "ok"),
    ],
)
def test_each_state_of_a_gpu(tmp_path, facts, subject, state):
    (found,) = [finding for finding in gpu.look(Gpu(**facts), tmp_path) if finding.subject == subject]
    assert found.state == state
    assert (found.remedy is None) == (state == "ok")


def test_nothing_is_said_of_mps_or_age_where_there_is_nothing_to_say(tmp_path):
    subjects = {finding.subject for finding in gpu.look(Gpu(compute_capability="9.0", mps=False), tmp_path)}
    assert not subjects & {"GPU", "MPS"}


def test_a_gpu_that_is_too_new_is_told_where_that_was_reported(tmp_path):
    (found,) = [finding for finding in gpu.look(Gpu(compute_capability="12.0"), tmp_path) if finding.subject == "GPU"]
    assert "12.0" in found.text
    assert all(issue in found.remedy for issue in ("#97387", "#99592", "#101746", "#111958"))


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        ({"sm_clock_max_hertz": 1_980_000_000}, "--lock-gpu-clocks=1980,1980"),
        (
            {"sm_clock_max_hertz": 1_530_000_000, "applications_clock_default_hertz": 1_312_000_000},
            "--lock-gpu-clocks=1312,1312",
        ),
        ({"sm_clock_max_hertz": 1_980_000_000, "clocks_set": True}, "applications clocks hold it"),
        ({}, "not throttled now"),
    ],
)
def test_the_line_on_clocks_says_how_they_would_stay(tmp_path, facts, advice):
    (found,) = [finding for finding in gpu.look(Gpu(**facts), tmp_path) if finding.subject == "clocks"]
    assert found.state == "ok"
    assert found.text.endswith(advice)


def test_rights_to_profile_are_read_from_the_driver(tmp_path):
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/params").write_text("RmProfilingAdminOnly: 1\n")
    assert "administrators only" in gpu.look(Gpu(), tmp_path)[-1].text


def facts(**changes):
    cpu = {**look()["cpu"], "threads": Fact(value=8), "usable_threads": Fact(value=8)}
    container = {name: Fact(value=None) for name in ("cpu_limit", "memory_limit_bytes")} | {"kind": Fact(value="none")}
    for name, value in changes.items():
        (cpu if name in cpu else container)[name] = Fact(value=value)
    return cpu, container


@pytest.mark.parametrize(
    ("changes", "state", "text"),
    [
        ({}, "ok", "none"),
        ({"kind": "docker", "cpu_limit": 1.5}, "warning", "in a container (docker), 1.5 of 8 threads' time"),
        ({"usable_threads": 2}, "ok", "bound to 2 of 8 threads"),
        ({"memory_limit_bytes": 2**30}, "problem", "1.0 GiB of memory"),
        ({"memory_limit_bytes": 2**34}, "ok", "16.0 GiB of memory"),
    ],
)
def test_limits_of_a_control_group(changes, state, text):
    cpu, container = facts(**changes)
    found = host.control_group(container, cpu)
    assert (found.state, found.text) == (state, text)


def test_looking_at_the_disk_leaves_nothing(tmp_path):
    assert host.disk(tmp_path / "results" / "deeper").state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_results_is_a_problem(tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        assert host.disk(out).state == "problem"


@pytest.mark.parametrize("variable", ["TF_XLA_FLAGS", "XLA_FLAGS"])
def test_a_flag_that_there_is_not_is_named_with_its_variable(tmp_path, variable):
    environment = {**os.environ, variable: "--no_such_flag=1"}
    done = examine("--device", "cpu", "--data", "sample", "--out", tmp_path, environment=environment)
    assert done.returncode == 1, done.stdout
    assert f"Unset {variable}, or take that flag out of it" in done.stdout
    assert "no_such_flag" in done.stdout


@pytest.mark.parametrize(("governor", "state"), [("performance", "ok"), ("powersave", "warning"), (None, "ok")])
def test_the_frequency_governor(governor, state):
    assert host.processor(facts(governor=governor)[0]).state == state


def test_a_busy_machine_is_noticed():
    code = "import time; end = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            assert host.quiet().state == "warning"
        finally:
            process.kill()


def test_of_a_gpu_that_xla_cannot_compile_for_the_workers_log_tells_why():
    """The line is from tensorflow #111958."""
    log = "ptxas fatal   : PTX version 8.7 does not support target 'sm_120a'"
    found = tensorflow_runs._does_not_compile("killed by SIGABRT", log, "gpu")
    assert (found.subject, found.state) == ("XLA", "problem")
    assert "sm_120a" in found.text
    assert "#111958" in found.remedy
    on_cpu = tensorflow_runs._does_not_compile("killed by SIGABRT", log, "cpu")
    assert "sm_120a" not in on_cpu.text
