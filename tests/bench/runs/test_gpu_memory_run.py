"""What a run of memory policies does on a GPU, with driver, NVML and TensorFlow's device stood in for."""

import os
import re

import pytest
from support import gpu_checks, gpu_runs
from support.documents import with_experiment

from bench.errors import ExitCode

MIB = 2**20


@pytest.fixture
def bench(stand_in, tmp_path):
    return gpu_runs.runner(stand_in, tmp_path)


def states(document):
    return {case.name: case.status for case in document.experiment.cases}


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
    gpu_runs.run_checks(with_experiment(document, cases=sound), gpu_checks.MEMORY)
    with pytest.raises(AssertionError, match=r"should have reserved 8\.00 GiB"):
        gpu_checks.every_policy_reserves_what_it_says(document)
    assert (next(out.glob("*/plots/memory.png"))).stat().st_size > 10_000


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
