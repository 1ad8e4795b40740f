"""What is said of traces: the parts beside our own timing, and where the two disagree."""

import card_checks
import matplotlib.image
import msgspec
import numpy as np
import pytest
from documents import document, simulate

from bench.present import picture, plots_of_profiles, profiles
from bench.results.record import Breakdown, Profile, StepSplit, TopOp


def breakdown(step, waiting=0.0, duty_cycle=None):
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
        duty_cycle=duty_cycle,
        duty_cycle_reason=None if duty_cycle else "a CPU",
        input_bound_share=waiting / step,
    )


def with_profiles(make):
    """A result in which `make` gives each case's profile, by its name and the seconds it was timed at."""
    found = document(simulate(np.random.default_rng(5), block=0.001, process=0.0, server=0.0))
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
    (longer, *others) = profiles.notes(slow)
    assert "modes/xla/resident 2.0x" in longer
    assert "eager" not in longer
    assert not any("shorter" in note for note in others)


def test_a_traced_step_that_is_shorter_is_named():
    fast = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed / 2)))
    assert "shorter than in the fastest cohort: modes/eager/resident 0.50x" in profiles.notes(fast)[0]


def test_waiting_and_loss_that_differ_are_named_together():
    # The notebook's pipeline loses 27 % of tf.function's step in this simulation.
    found = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed, 0.02 * timed)))
    (note,) = [note for note in profiles.notes(found) if "waiting for input" in note]
    assert "modes/function/notebook 2 % and 27 % [" in note
    agreeing = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed, 0.27 * timed)))
    assert not any("modes/function/notebook" in note for note in profiles.notes(agreeing))


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
    (note,) = profiles.notes(found)
    assert said in note
    assert note.startswith("modes/eager/resident, modes/function/resident, ")
    assert not profiles.table(found).rows
    assert plots_of_profiles.draw(found) is None


def test_the_tables_have_our_figures_and_the_traces(tmp_path):
    found = with_profiles(lambda name, timed: profile(breakdown=breakdown(2 * timed, duty_cycle=0.25)))
    row = next(row for row in profiles.table(found).rows if row[0] == "modes/eager/resident")
    assert row[1].startswith("14.0")
    assert row[2].startswith("28.")
    assert row[-1] == "25 %"
    assert all("twin" not in row[0] for row in profiles.top_ops(found).rows)
    picture.save(plots_of_profiles.draw(found), tmp_path / "parts.png")
    assert matplotlib.image.imread(tmp_path / "parts.png").std() > 0.01


def test_a_long_name_of_an_operation_keeps_its_end():
    found = with_profiles(lambda name, timed: profile(breakdown=breakdown(timed)))
    _, ops = profiles.of_case(profiles.traced(found)[0])
    assert ops.rows[0][0] == "..." + 37 * "a"


def test_what_is_asked_of_a_card_is_answered_by_a_trace_with_a_device():
    def traced(on_device, duty_cycle):
        found = breakdown(1e-3, duty_cycle=duty_cycle)
        split = msgspec.structs.replace(found.split, device_compute_seconds=on_device)
        ops = (msgspec.structs.replace(found.top_ops[0], side="device"),)
        return with_profiles(
            lambda name, timed: profile(breakdown=msgspec.structs.replace(found, split=split, top_ops=ops))
        )

    lines = card_checks.traces_say_what_the_gpu_did(traced(0.4e-3, 0.3), None)
    assert "400 of 1000 microseconds of a traced step on the GPU, which was busy for 30 %" in lines[0]
    for on_device, duty_cycle in ((0.0, 0.3), (0.4e-3, None)):
        with pytest.raises(AssertionError):
            card_checks.traces_say_what_the_gpu_did(traced(on_device, duty_cycle), None)
