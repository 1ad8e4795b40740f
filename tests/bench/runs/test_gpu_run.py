"""What a run does on a GPU, by the command line itself, with driver, NVML and TensorFlow's device stood in for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import gpu_checks, patience
from support.documents import with_experiment

from bench.errors import ExitCode, UsageError
from bench.machine import cores
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options

STAND_IN = ("-m", "support.gpu_stand_in")
MIB = 2**20


@pytest.fixture
def bench(stand_in, tmp_path):
    """Runs `bench run` and returns its document and output; the output folder is new each time."""

    def call(*arguments, exit_code=ExitCode.OK, **environment):
        out = tmp_path / f"out-{len(list(tmp_path.glob('out-*')))}"
        command = [
            sys.executable,
            *STAND_IN,
            "run",
            "--out",
            str(out),
            "--data",
            "sample",
            *([] if "--trace-cuda-graphs" in arguments else ["--no-profile"]),
            *([] if "--experiment" in arguments else ["--experiment", "modes"]),
            *arguments,
        ]
        variables = {**stand_in.environment, "COLUMNS": "200", "XDG_CACHE_HOME": str(tmp_path), **environment}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=patience.limit(240), check=False, env=variables
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        folders = [path for path in out.glob("*") if path.is_dir()]
        return (files.read(folders[0] / "result.json") if folders else None), done.stdout + done.stderr, out

    return call


def run_checks(document, checks):
    """The checks that wait for a GPU, on what the stand-ins gave."""
    for check in checks:
        assert check(document)


def states(document):
    return {case.name: case.status for case in document.experiment.cases}


def test_a_run_checks_twice_reads_the_gpu_around_every_sample_and_measures_energy(bench, stand_in):
    """Here the GPU gets too hot after the first round, and the user's environment asks for no growth."""
    heat = str(stand_in.state / "throttle")
    stand_in.set("pcie", 4)
    document, text, out = bench("--only", "xla/resident", TF_FORCE_GPU_ALLOW_GROWTH="false", STAND_IN_HEAT=heat)
    assert "Device: GPU" in text
    assert "TensorFlow sees Stand-in GPU." in text
    section = document.autoencoder_bench
    assert (section.device.kind, section.device.name) == ("gpu", "Stand-in GPU")
    assert section.device.environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert (section.device.driver, section.device.power_limit_watts) == ("580.65.06", 300.0)
    assert section.facts["gpu"]["matched_by"].value == "PCI bus id"
    assert section.facts["gpu"]["name"].value == "Stand-in A100"
    assert section.facts["cuda_cache"]["state"].value == "cold"
    assert section.facts["tensorflow"]["cuda"].value == "12.5.1"
    assert section.facts["gpu_after"]["throttled_by"].value == "hardware thermal slowdown"
    assert any(
        "throttled" in window.interference
        for repetition in document.experiment.repetitions
        for window in repetition.windows
    )
    assert len(document.benchmarks) == 3
    for benchmark in document.benchmarks:
        info = benchmark.extra_info
        strict, timed = info.same_model
        assert (strict.tf32, strict.limit, strict.passed) == (False, 1e-4, True)
        assert (timed.tf32, timed.limit, timed.passed) == (True, 1e-2, True)
        (process,) = info.processes
        assert process.policy.allow_growth
        assert process.policy.environment == {}  # the user's variable was taken out
        assert process.telemetry.sm_hertz == ((1_410_000_000, 1_410_000_000), (900_000_000, 900_000_000))
        assert process.telemetry.throttle_bits == (0, 0x40)
        assert process.telemetry.celsius == ((55, 55), (55, 55))
        assert process.device_memory.tensors_peak_bytes == 6_000_000
        assert process.device_memory.nvml_used_bytes is None
        assert "other workers are on the GPU" in process.device_memory.reason
        assert info.sustained.seconds >= 0.6
        # The stand-in takes 100 W, and its counter is read before the pass and after it, however long that takes.
        assert info.sustained.joules >= 100 * info.sustained.seconds - 0.1
        assert info.sustained.joules_per_1000_steps == 1000 * info.sustained.joules / info.sustained.steps
        assert info.sustained.utilisation == 0.75
        assert info.sustained.pcie_generation == 4
    assert "Joules per 1,000 steps" in text
    run_checks(document, [check for check in gpu_checks.MODES if check is not gpu_checks.servers_may_fork])
    with pytest.raises(AssertionError):  # what was computed on the CPU is no answer about forking on a GPU
        gpu_checks.servers_may_fork(document)
    assert str(out) not in (next(out.glob("*/result.json"))).read_text()


def test_every_memory_policy_is_measured_and_those_that_are_not_applied_have_no_figure(bench):
    """The stand-in's faults are those of the fraction 0.5: alone it reserves nothing, with growth 90% at once."""
    chosen = ["default", "growth", "fraction", "growth+fraction", "async", "fraction-0.5", "growth+fraction-0.5"]
    wanted = [word for name in chosen for word in ("--memory", name)]
    document, text, out = bench("--experiment", "memory", "--tf32", "off", *wanted, exit_code=ExitCode.FAILED)
    assert states(document) == {
        "default/function": "measured",
        "growth/function": "measured",
        "fraction-0.9/function": "measured",
        "growth+fraction-0.9/function": "measured",
        "async/function": "measured",
        "fraction-0.5/function": "not-applied",
        "growth+fraction-0.5/function": "not-applied",
        "growth/function/control": "measured",
    }
    assert document.experiment.interleaved is False
    reasons = {case.name: case.failure.reason for case in document.experiment.cases if case.failure}
    assert reasons["fraction-0.5/function"].startswith("fraction-0.5 should have reserved 8.00 GiB, and reserved 0.01")
    assert "it should take only what it needs" in reasons["growth+fraction-0.5/function"]
    reserved = {}
    for benchmark in document.benchmarks:
        (process,) = benchmark.extra_info.processes
        memory = process.device_memory
        assert memory.exclusive is True
        # What the bare process holds, less the 6 MB of tensors that the stand-in claims.
        context = 302 * MIB - 6_000_000
        assert (memory.nvml_idle_bytes, memory.total_bytes, memory.context_bytes) == (400 * MIB, 16 * 2**30, context)
        assert memory.reserved_bytes == memory.nvml_used_bytes - memory.context_bytes
        assert (memory.tensors_bytes, memory.tensors_peak_bytes) == (4_000_000, 6_000_000)
        assert 0 < process.host_uss_bytes <= process.host_rss_bytes <= process.host_peak_rss_bytes
        # 784-128-64-128-784 with biases, three times for Adam, and its count of steps and rate.
        assert process.model_bytes == pytest.approx(3 * 4 * 218_192, abs=64)
        assert process.data_bytes == 64 * 784 * 4
        reserved[benchmark.name] = memory.reserved_bytes / MIB
    assert reserved["growth/function"] == reserved["async/function"] == reserved["growth+fraction-0.9/function"]
    assert reserved["growth/function"] == pytest.approx(14 + 6_000_000 / MIB)
    assert reserved["fraction-0.9/function"] == pytest.approx(0.9 * 16 * 1024, abs=8)
    assert reserved["default/function"] == pytest.approx(16 * 1024 - 400 - 1536, abs=310)
    assert re.search(r"fraction-0\.9/function reserves 15\.5 GB \(.*\) for a model of 2\.62 MB", text)
    sound = tuple(case for case in document.experiment.cases if case.status != "not-applied")
    run_checks(with_experiment(document, cases=sound), gpu_checks.MEMORY)
    with pytest.raises(AssertionError, match=r"should have reserved 8\.00 GiB"):
        gpu_checks.every_policy_reserves_what_it_says(document)
    assert (next(out.glob("*/plots/memory.png"))).stat().st_size > 10_000


def test_where_asked_what_xla_compiled_is_traced_once_more_with_its_cuda_graphs_near_the_gpu(bench):
    """In the same run, bound to the cores that the stand-in for NVML calls near."""
    document, _, out = bench("--only", "xla/resident", "--trace-cuda-graphs", "--affinity", "near")
    section = document.autoencoder_bench
    assert "--trace-cuda-graphs" in section.plan.command
    assert "--affinity near" in section.plan.command
    near = cores.ranges({*range(4), *range(8, 12), 64} & os.sched_getaffinity(0))
    assert section.facts["gpu"]["near_cores"].value == "0-3,8-11,64"
    assert section.facts["cpu"]["bound_to"].value == section.fingerprint.software["cpu_bound_to"] == near
    (folder,) = [path for path in out.iterdir() if path.is_dir()]
    for benchmark in document.benchmarks:
        info = benchmark.extra_info
        assert info.profile.gpu.kernels == 1 / info.profile.steps
        if info.case.mode != "xla":
            assert (info.profile.cuda_graphs, info.profile_of_graphs) == (None, None)
            continue
        first, second = info.profile, info.profile_of_graphs
        assert (first.cuda_graphs, second.cuda_graphs) == (False, True)
        assert (second.status, second.reason, second.step_markers) == ("ok", None, 20)
        assert second.folder == f"{first.folder}-cuda-graphs"
        assert len(list((folder / second.folder).glob("plugins/profile/*/*.xplane.pb"))) == 1
        assert (folder / "logs" / "repetition-1" / "modes-xla-resident-cuda-graphs.log").is_file()
    page = (folder / "report.html").read_text()
    assert "modes/xla/resident (CUDA graphs)" in page
    assert "A step on the GPU" in page


def test_on_a_gpu_that_others_use_nothing_is_reserved(bench, stand_in):
    stand_in.set("foreign", os.getpid())
    share = ["--memory", "fraction", "--memory-fraction", "0.25"]
    document, text, _ = bench("--experiment", "memory", "--tf32", "off", *share)
    assert states(document)["fraction-0.25/function"] == "skipped"
    assert "Skipped: fraction-0.25/function: others are on the GPU" in text
    assert "--allow-shared" in text
    (process,) = document.benchmarks[0].extra_info.processes
    assert process.device_memory.exclusive is False
    assert "Somebody else was on the GPU" in text
    assert "nvidia-smi -c" not in text  # that cases ran one by one is no fault of the GPU's mode


def test_of_a_neighbour_who_leaves_meanwhile_nothing_is_concluded(bench, stand_in):
    """The fraction 0.5 reserves nothing, but 400 MiB that come back are no evidence: no verdict, no negative bytes."""
    stand_in.set("foreign", os.getpid())
    share = ["--memory", "fraction-0.5", "--memory", "growth", "--allow-shared"]
    document, _, _ = bench("--experiment", "memory", "--tf32", "off", *share, STAND_IN_LEAVING="1")
    assert states(document)["fraction-0.5/function"] == "measured"
    found = {b.name: b.extra_info.processes[0].device_memory for b in document.benchmarks}
    assert all(memory.exclusive is False for memory in found.values())
    first = [memory for memory in found.values() if memory.nvml_used_bytes is None]
    assert [memory.reason for memory in first] == ["others gave back more of the GPU's memory than this process took"]


def test_where_nvml_lists_nobody_not_even_us_nobody_is_taken_to_be_alone(bench, stand_in):
    """As under WSL2: an empty list is no evidence of an empty GPU."""
    stand_in.set("scenario", "blind")
    document, text, _ = bench("--experiment", "memory", "--tf32", "off", "--memory", "fraction")
    assert states(document)["fraction-0.9/function"] == "skipped"
    assert "NVML cannot tell who is on the GPU" in " ".join(text.split())
    (process, *_) = document.benchmarks[0].extra_info.processes
    assert process.device_memory.exclusive is None


def test_a_driver_that_fails_half_way_costs_its_figures_and_not_the_run(bench, stand_in):
    """The GPU is lost to NVML in the middle; and with TF32 off one strict check is enough."""
    stand_in.set("scenario", "failing-after 60")
    document, _, _ = bench("--only", "function/resident", "--tf32", "off")
    section = document.autoencoder_bench
    assert section.facts["gpu"]["name"].value == "Stand-in A100"
    assert section.facts["gpu_after"]["name"].reason == "NVML: GPU is lost"
    for benchmark in document.benchmarks:
        (check,) = benchmark.extra_info.same_model
        assert (check.tf32, check.limit) == (False, 1e-4)
        assert benchmark.stats.median > 0
        assert benchmark.extra_info.sustained is None


def test_a_gpu_for_one_process_gets_one_at_a_time(bench, stand_in, tmp_path):
    """Chosen by its UUID, which is not in the result; TensorFlow's address for it is one that NVML does not know."""
    stand_in.set("compute-mode", 3)
    chosen = {"STAND_IN_LOCK": str(tmp_path / "lock"), "STAND_IN_BUS_ID": "0000:99:00.0"}
    document, text, out = bench("--only", "function/resident", "--gpu", "GPU-00000000", **chosen)
    section = document.autoencoder_bench  # a second process at a time would have failed
    assert document.experiment.interleaved is False
    assert "one process at a time" in text
    (repetition,) = document.experiment.repetitions
    assert sorted(repetition.order[::2]) == [(0,), (1,)]
    assert repetition.order[::2] == repetition.order[1::2]  # both rounds of a case, then the next case
    for benchmark in document.benchmarks:
        # Of the same numbers, so that ratios can be taken, which carry the drift.
        assert benchmark.extra_info.processes[0].rounds == (0, 1)
        assert benchmark.name == "function/resident" or benchmark.extra_info.ratio_to_reference.value is not None
        assert len(benchmark.stats.data) == 2
        assert len(benchmark.extra_info.same_model) == 2
        assert (benchmark.extra_info.latency is None) == benchmark.extra_info.case.control
        assert benchmark.extra_info.processes[0].device_memory.reserved_bytes is not None
    facts = section.facts["gpu"]
    assert (facts["name"].value, facts["matched_by"].value) == ("Stand-in A100", None)
    assert "NVML knows no GPU 0000:99:00.0" in facts["matched_by"].reason
    for file in out.glob("*/*.json"):
        assert "GPU-0000" not in file.read_text()
    shown = section.device.why[-12:]
    assert facts["uuid_sha256"].value.startswith(shown)
    assert section.device.environment["CUDA_VISIBLE_DEVICES"].endswith(shown)


def test_ways_that_feed_themselves_are_checked_and_held_against_the_limit(bench):
    document, text, _ = bench("--experiment", "roofline", "--only", "xla-loop-fused", "--tf32", "off")
    found = {b.name: b.extra_info for b in document.benchmarks}
    loop = found["xla-loop-fused"]
    assert [(check.tf32, check.steps, check.passed) for check in loop.same_model] == [(False, 50, True)]
    assert loop.figures["roofline_share"].value > 0
    assert loop.processes[0].bus_bytes == 8 * 64  # the numbers of a batch's rows
    assert found["function"].processes[0].bus_bytes == 0
    assert len(document.experiment.quantities) == 1
    assert "Fastest" in text


def test_side_by_side_such_a_gpu_fails_all_but_one(bench, tmp_path):
    """The stand-in's lock does refuse: without the mode known, one worker gets the GPU and the others fail.

    GPU 0 was chosen; TensorFlow says that it computes at another address, and NVML is asked about that GPU.
    """
    cause = {"STAND_IN_LOCK": str(tmp_path / "lock"), "STAND_IN_BUS_ID": "0000:41:00.0"}
    document, _, _ = bench("--only", "xla/resident", exit_code=ExitCode.FAILED, **cause)
    facts = document.autoencoder_bench.facts["gpu"]
    assert (facts["name"].value, facts["matched_by"].value) == ("Stand-in L4", "PCI bus id")
    failures = [case.failure for case in document.experiment.cases if case.failure]
    assert len(failures) == 2
    assert "BlockingIOError" in failures[0].reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--gpu", "7"],
            "--gpu 7 names no GPU of this machine. There are: 0 Stand-in A100 (GPU-00000000); 1 Stand-in",
        ),
        (["--experiment", "memory", "--against", sys.executable], "has the GPU to itself"),
    ],
)
def test_bad_usage_exits_with_2_and_the_valid_choices(bench, arguments, message):
    _, text, out = bench(*arguments, exit_code=ExitCode.USAGE)
    assert message in " ".join(text.split())
    assert list(out.glob("*")) == []


def test_an_exclusive_gpu_takes_no_two_interpreters(bench, stand_in):
    stand_in.set("compute-mode", 3)
    _, text, out = bench("--against", sys.executable, exit_code=ExitCode.USAGE)
    assert "one process at a time" in text
    assert list(out.glob("*")) == []


@pytest.mark.parametrize("visible", ["9", "GPU-beef"])
def test_cuda_visible_devices_that_name_nothing_are_an_error(bench, visible):
    _, text, _ = bench(exit_code=ExitCode.USAGE, CUDA_VISIBLE_DEVICES=visible)
    assert f"CUDA_VISIBLE_DEVICES {visible} names no GPU of this machine. There are: 0 Stand-in A100" in text


def test_a_driver_without_a_gpu_for_tensorflow_is_an_error_with_its_cause(tmp_path, tiny, listener, monkeypatch):
    """The real TensorFlow of this environment, told that a driver is there: never a silent run on the CPU."""
    from bench.machine import device

    if any(Path(sign).exists() for sign in ("/dev/nvidiactl", "/dev/dxg")):
        pytest.skip("there is a driver here")
    monkeypatch.setattr(device, "driver_sign", lambda *known: "/dev/nvidiactl")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match="TensorFlow sees no GPU") as caught:
        run(Options(preset=tiny, out=tmp_path / "out", data="sample"), listener)
    assert "--device cpu" in str(caught.value)
