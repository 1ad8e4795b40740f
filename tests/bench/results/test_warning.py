"""Warnings: a closed list, each caused here, each with advice."""

import msgspec
from support.documents import document, processes, simulate

from bench.plan.case import Case
from bench.plan.preset import PRESETS, PROFILE
from bench.results import warning
from bench.results.record import CaseRecord, Interference, RepetitionRecord, SameModel, Window
from bench.stats import steady_state

XLA = Case(experiment="modes", mode="xla", pipeline="resident")


def repetition(number=1, **changes):
    fields = {
        "repetition": number,
        "server_seconds": 4.0,
        "start_method": "fork",
        "unsound": None,
        "cases": (),
        "order": (),
        "samples": 20,
        "seconds": 10.0,
        "windows": (),
    }
    return RepetitionRecord(**{**fields, **changes})


def window(*marks):
    return Window(
        first_round=0,
        last_round=1,
        seconds=1.0,
        steal_share=0.0,
        run_delay_share=0.0,
        others_share=0.0,
        major_faults=0,
        throttle_reasons=None,
        interference=marks,
    )


def codes(found):
    assert all(item.advice == warning.advise(item.code) for item in found)
    return [item.code for item in found]


def test_a_quiet_run_warns_of_nothing():
    import numpy as np

    quiet = simulate(np.random.default_rng(1), sample=0.001, process=0.001, server=0.001)
    assert document(quiet).autoencoder_bench.warnings == ()


def test_what_repetitions_give_reason_for():
    three = [repetition(number) for number in (1, 2, 3)]
    assert codes(warning.of_repetitions(three, interleaved=True)) == []
    assert codes(warning.of_repetitions(three[:2], interleaved=True)) == ["few_repetitions"]
    assert codes(warning.of_repetitions(three, interleaved=False)) == ["one_by_one"]
    (found,) = warning.of_repetitions(three, interleaved=False, alone=True)
    assert (found.code, "nvidia-smi" in found.advice) == ("alone", False)  # no mode of the GPU would help
    spawned = [msgspec.structs.replace(each, unsound="a context was there") for each in three]
    assert codes(warning.of_repetitions(spawned, interleaved=True)) == ["spawned"]


def test_disturbed_windows_are_counted():
    quiet, loud = window(), window("steal", "others")
    some = [repetition(number, windows=(quiet,) * 9 + (loud,)) for number in (1, 2, 3)]
    assert codes(warning.of_repetitions(some, interleaved=True)) == []
    many = [repetition(number, windows=(quiet, loud)) for number in (1, 2, 3)]
    (found,) = warning.of_repetitions(many, interleaved=True)
    assert (found.count, found.of) == (3, 6)
    assert (found.code, found.sentence) == (
        "interference",
        "3 of 6 monitoring windows saw interference: other processes, hypervisor steal.",
    )


def record(**changes):
    (only,) = processes([[1.0] * 12])
    case = XLA
    return CaseRecord(case=case, processes=(msgspec.structs.replace(only, **changes),))


def test_what_cases_give_reason_for():
    assert codes(warning.of_cases([record()], [repetition(samples=12)])) == []
    assert codes(warning.of_cases([record()], [repetition(samples=13)])) == []
    assert codes(warning.of_cases([record()], [repetition(samples=20)])) == ["few_samples"]
    (found,) = warning.of_cases([record(steady=False)], [repetition(samples=12)])
    assert (found.code, found.sentence) == ("unsteady", "No steady state after warm-up: xla/resident.")
    (unknown,) = warning.of_cases([record(steady=None)], [repetition(samples=12)])
    assert unknown.code == "warmup_unknown"
    assert unknown.text == "1 of 1 processes have no verified warm-up."
    (alone,) = warning.of_cases([record(steady=None)], [repetition(samples=12)], interleaved=False)
    assert alone.text.endswith("(they ran alone).")
    three = [processes([[1.0] * 12] * 3)[i] for i in range(3)]
    once = msgspec.structs.replace(three[0], steady=False)
    one_of_three = CaseRecord(case=XLA, processes=(once, *three[1:]))
    assert codes(warning.of_cases([one_of_three], [repetition(number, samples=12) for number in (1, 2, 3)])) == []


def test_the_rest_of_the_list():
    assert codes(warning.of_widths([], 3, 0.02)) == []
    (wide,) = warning.of_widths(["xla/resident"], 3, 0.02)
    assert (wide.code, wide.sentence) == ("wide", "1 of 3 intervals reach further than 2%: xla/resident.")
    same = SameModel(steps=50, tf32=False, largest_relative_difference=1e-7, limit=1e-5, passed=True)
    other = msgspec.structs.replace(same, largest_relative_difference=0.3, passed=False)
    assert codes(warning.of_sides(None)) + codes(warning.of_sides(same)) == []
    assert "3.0e-01" in warning.of_sides(other)[0].text


def test_a_word_for_every_mark():
    assert set(warning.CAUSES) == set(Interference.__args__)


def test_twenty_samples_are_what_the_check_of_warm_up_takes_and_every_preset_plans():
    assert warning.WARMUP_SAMPLES == 2 * steady_state.SAMPLES
    assert steady_state.find([0.0] * 19).steady is None
    assert steady_state.find([0.0] * 20).steady is True
    assert all(preset.least_rounds >= warning.WARMUP_SAMPLES for preset in (*PRESETS.values(), PROFILE))


def test_every_code_has_its_advice():
    assert set(warning.ADVICE) == set(warning.Code.__args__)


def test_a_longer_preset_is_advised_only_where_there_is_one():
    assert warning.advise("wide", "quick").startswith("Select fewer cases (--only) or use --preset standard")
    assert "--preset thorough" in warning.advise("few_samples", "standard")
    assert "--preset" not in warning.advise("warmup_unknown", "thorough")
    assert "{" not in "".join(warning.advise(code) for code in warning.ADVICE)
