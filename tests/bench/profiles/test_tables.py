"""What is said of traces: the parts beside our own timing, and where the two disagree."""

import msgspec
import numpy as np
import pytest
from support import gpu_checks, gpu_xplanes
from support.documents import document, simulate

from bench.profiles import tables
from bench.profiles.gpu_trace import read as read_gpu_trace
from bench.results.record import Breakdown, Profile, StepSplit, TopOp


def breakdown(step, waiting=0.0):
    split = StepSplit(
        steps=18,
        step_seconds=step,
        device_compute_seconds=0.0,
        host_compute_seconds=step - waiting,
        launch_seconds=0.0,
        input_seconds=waiting,
        transfer_seconds=0.0,
        compile_seconds=0.0,
        idle_seconds=0.0,
    )
    op = TopOp(side="host", kind="MatMul", name="a" * 60, occurrences=20, self_seconds=0.01, self_share=0.5)
    return Breakdown(
        split=split,
        top_ops=(op,),
        top_ops_reason=None,
        input_bound_share=waiting / step,
    )


def with_profiles(make):
    """A result in which `make` gives each case's profile, by its name and the seconds it was timed at."""
    found = document(simulate(np.random.default_rng(5), sample=0.001, process=0.0, server=0.0))
    benchmarks = []
    for benchmark in found.benchmarks:
        timed = 1 / benchmark.extra_info.steps_per_second.value
        info = msgspec.structs.replace(benchmark.extra_info, profile=make(benchmark.name, timed))
        benchmarks.append(msgspec.structs.replace(benchmark, extra_info=info))
    return msgspec.structs.replace(found, benchmarks=tuple(benchmarks))


def profile(**facts):
    return Profile(status="ok", folder="tensorboard/a", steps=20, **facts)


def test_a_traced_step_that_takes_longer_is_named():
    slow = with_profiles(
        lambda name, timed: profile(breakdown=breakdown(timed * (2 if name == "xla/resident" else 1.1)))
    )
    (longer, *others) = tables.notes(slow)
    assert "modes/xla/resident 2.0x" in longer
    assert "eager" not in longer
    assert not any("shorter" in note for note in others)


def test_a_traced_step_that_is_shorter_is_named():
    fast = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed / 2)))
    assert "shorter than in the fastest repetition: modes/eager/resident 0.50x" in tables.notes(fast)[0]


def test_waiting_and_loss_that_differ_are_named_together():
    # The notebook's pipeline loses 27% of tf.function's step in this simulation.
    found = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed, 0.02 * timed)))
    (note,) = [note for note in tables.notes(found) if "waiting for input" in note]
    assert "modes/function/notebook 2% and 27% [" in note
    agreeing = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed, 0.27 * timed)))
    assert not any("modes/function/notebook" in note for note in tables.notes(agreeing))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "no trace was taken"),
        (Profile(status="failed", folder="a", steps=20, reason="cupti is not there"), "failed: cupti is not there"),
        (profile(breakdown_reason="xprof ended with -6"), "xprof ended with -6"),
        (profile(), "a version that did not read traces back"),
    ],
)
def test_what_is_missing_is_said_once_for_all_cases(given, said):
    found = with_profiles(lambda name, timed: given)
    (note,) = tables.notes(found)
    assert said in note
    assert note.startswith("modes/eager/resident, modes/function/resident, ")
    assert not tables.tables(found)[0].rows


def test_the_tables_have_our_figures_and_the_traces():
    found = with_profiles(lambda name, timed: profile(breakdown=breakdown(2 * timed)))
    row = next(row for row in tables.tables(found)[0].rows if row[0] == "modes/eager/resident")
    assert row[1].startswith("14.0")
    assert row[2].startswith("28.")
    assert all("control" not in row[0] for row in tables.top_ops(found).rows)


def test_a_long_name_of_an_operation_keeps_its_end():
    found = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed)))
    _, ops = tables.of_case(tables.traced(found)[0])
    assert ops.rows[0][0] == "..." + 37 * "a"


def gpu_trace(step, busy=0.3):
    """One as a GPU gave it whose host is launching most of the time."""
    planes = gpu_xplanes.marked(20, 1e6 * step, [(20, 1e6 * step * busy, "gemm")], copies=[(10, 5)])
    return read_gpu_trace(planes.space)


def on_a_gpu(make):
    found = with_profiles(make)
    section = found.autoencoder_bench
    device = msgspec.structs.replace(section.device, kind="gpu")
    return msgspec.structs.replace(found, autoencoder_bench=msgspec.structs.replace(section, device=device))


def test_of_a_gpu_the_trace_itself_is_shown_and_xprofs_step_beside_it():
    found = on_a_gpu(lambda name, timed: profile(gpu=gpu_trace(timed), breakdown=breakdown(0.8 * timed)))
    steps, copies, kernels = tables.tables(found)
    row = dict(zip(steps.headings, next(row for row in steps.rows if row[0] == "modes/eager/resident"), strict=True))
    timed = float(row["untraced"].split()[0])
    assert float(row["traced"]) == pytest.approx(timed, rel=0.02)
    assert float(row["xprof"]) == pytest.approx(0.8 * timed, rel=0.02)
    assert float(row["kernels"]) == pytest.approx(0.3 * timed, rel=0.02)
    assert (row["utilisation"], row["launches"]) == ("30%", "1")
    assert copies.rows[0][1:5] == ("host to device", "pageable", "1", "200,704")
    assert kernels.rows[0][-2:] == ("100%", "gemm")


def test_the_tables_of_one_trace_of_a_gpu_fit_its_case():
    found = on_a_gpu(lambda name, timed: profile(gpu=gpu_trace(timed)))
    step, copies, kernels = tables.of_case(tables.traced(found)[0])
    assert [row[0] for row in step.rows[2:]] == ["kernels", "copies", "idle", "launched by the host in"]
    assert len(copies.rows) == len(kernels.rows) == 1


def test_that_cuda_graphs_were_not_traced_is_said_until_they_were():
    without = on_a_gpu(lambda name, timed: profile(gpu=gpu_trace(timed), cuda_graphs=False if "xla" in name else None))
    (note,) = [note for note in tables.notes(without) if "CUDA graphs" in note]
    assert note.startswith("modes/xla/resident, modes/xla/notebook: traced without the CUDA graphs")
    graphs = profile(gpu=gpu_trace(1e-3), cuda_graphs=True)
    benchmarks = tuple(
        msgspec.structs.replace(b, extra_info=msgspec.structs.replace(b.extra_info, profile_of_graphs=graphs))
        for b in without.benchmarks
        if b.extra_info.case.mode == "xla"
    )
    both = msgspec.structs.replace(without, benchmarks=benchmarks)
    assert not [note for note in tables.notes(both) if "traced without" in note]
    names = [one.name for one in tables.traced(both)]
    assert names[:2] == ["modes/xla/resident", "modes/xla/resident (CUDA graphs)"]


def test_a_trace_of_a_gpu_that_tells_nothing_says_why_and_xprof_does_not_stand_in_for_it():
    found = on_a_gpu(lambda name, timed: profile(breakdown=breakdown(timed), gpu_reason="no step marker 'train'"))
    (note,) = tables.notes(found)
    assert note.endswith("the trace of the GPU tells nothing: no step marker 'train'.")
    assert tables.traced(found) == []


def test_what_is_asked_of_a_gpu_is_answered_by_a_trace_with_a_device():
    def traced(gpu, reason=None):
        return on_a_gpu(lambda name, timed: profile(gpu=gpu, gpu_reason=reason, breakdown=breakdown(1e-3)))

    lines = gpu_checks.traces_say_what_the_gpu_did(traced(gpu_trace(1e-3)))
    assert "1 kernels in a step of 1000 microseconds, launched by the host in 1000, busy for 30%" in lines[0]
    with pytest.raises(AssertionError, match="nothing to read"):
        gpu_checks.traces_say_what_the_gpu_did(traced(None, "nothing to read"))


def test_of_a_second_trace_that_tells_nothing_the_reason_is_said_and_it_counts_as_none():
    def make(name, timed):
        return profile(gpu=gpu_trace(timed), cuda_graphs=False)

    found = on_a_gpu(make)
    second = profile(cuda_graphs=True, gpu_reason="the profiler dropped events")
    benchmarks = tuple(
        msgspec.structs.replace(b, extra_info=msgspec.structs.replace(b.extra_info, profile_of_graphs=second))
        for b in found.benchmarks
    )
    notes = tables.notes(msgspec.structs.replace(found, benchmarks=benchmarks))
    assert any(note.endswith("tells nothing: the profiler dropped events.") for note in notes)
    assert any("traced without the CUDA graphs" in note for note in notes)
