"""What a run does on a GPU, by the command line itself, with driver, NVML and TensorFlow's device stood in for."""

import os
import sys
from pathlib import Path

import pytest
from support import gpu_checks, gpu_runs, stand_in_nvml

from bench.errors import ExitCode, UsageError
from bench.machine import cores
from bench.run.execute import run
from bench.run.options import Options


@pytest.fixture
def bench(stand_in, tmp_path):
    return gpu_runs.runner(stand_in, tmp_path)


@pytest.fixture(scope="module")
def of_xla(nvml_library, tmp_path_factory):
    """A run with everything that there is for what XLA compiled, bound to the cores near the GPU.

    The GPU gets too hot after the first round, and the user's environment asks for no growth.
    """
    folder = tmp_path_factory.mktemp("xla")
    stand_in = stand_in_nvml.with_state(nvml_library, folder / "nvml")
    stand_in.set("pcie", 4)
    theirs = {"TF_FORCE_GPU_ALLOW_GROWTH": "false", "STAND_IN_HEAT": str(stand_in.state / "throttle")}
    words = ("--only", "xla/resident", "--trace-cuda-graphs", "--affinity", "near")
    return gpu_runs.runner(stand_in, folder)(*words, **theirs)


def test_a_run_checks_twice_reads_the_gpu_around_every_sample_and_measures_energy(of_xla):
    document, text, out = of_xla
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
    gpu_runs.run_checks(document, [check for check in gpu_checks.MODES if check is not gpu_checks.servers_may_fork])
    with pytest.raises(AssertionError):  # what was computed on the CPU is no answer about forking on a GPU
        gpu_checks.servers_may_fork(document)
    assert str(out) not in (next(out.glob("*/result.json"))).read_text()


def test_where_asked_what_xla_compiled_is_traced_once_more_with_its_cuda_graphs_near_the_gpu(of_xla):
    """In the same run, bound to the cores that the stand-in for NVML calls near."""
    document, _, out = of_xla
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
    assert "Step time breakdown on the GPU" in page


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


def test_the_precision_of_a_case_decides_about_tf32(bench):
    """Each is checked once, as it is timed: float32 by the limit without TF32, and TF32 by none."""
    axes = ("--axis", "precision=tf32", "--axis", "batch_size=64", "--axis", "mode=function")
    document, text, _ = bench("--experiment", "precision", *axes)
    found = {benchmark.name: benchmark.extra_info for benchmark in document.benchmarks}
    assert list(found) == ["float32/64/function", "tf32/64/function", "float32/64/function/control"]
    checks = {name: [(one.tf32, one.limit, one.passed) for one in info.same_model] for name, info in found.items()}
    assert checks == {
        "float32/64/function": [(False, 1e-4, True)],
        "tf32/64/function": [(True, None, None)],
        "float32/64/function/control": [(False, 1e-4, True)],
    }
    assert [process.tf32 for info in found.values() for process in info.processes] == [False, True, False]
    # The CPU behind the stand-in has no TF32: trained losses are the same but for the order of sums.
    assert found["tf32/64/function"].figures["loss_over_float32_ratio"].value == pytest.approx(1, abs=0.3)
    assert "1 with another precision or update are not judged" in text
    gpu_runs.run_checks(document, gpu_checks.PRECISION)


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
