"""Warnings: a closed list, each caused here, each with advice."""

import msgspec
from support.documents import document, replicates, simulate

from bench.plan.case import Case
from bench.plan.preset import PRESETS, PROFILE
from bench.results import warning
from bench.results.record import CaseRecord, CohortRecord, Mark, SameModel, Window
from bench.stats import steady_state

XLA = Case(experiment="modes", mode="xla", pipeline="resident")


def cohort(number=1, **changes):
    fields = {
        "cohort": number,
        "server_seconds": 4.0,
        "start_method": "fork",
        "unsound": None,
        "cases": (),
        "order": (),
        "blocks": 20,
        "seconds": 10.0,
        "windows": (),
    }
    return CohortRecord(**{**fields, **changes})


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
        marks=marks,
    )


def codes(found):
    assert all(item.advice == warning.advise(item.code) for item in found)
    return [item.code for item in found]


def test_a_quiet_run_warns_of_nothing():
    import numpy as np

    quiet = simulate(np.random.default_rng(1), block=0.001, process=0.001, server=0.001)
    assert document(quiet).autoencoder_bench.warnings == ()


def test_what_cohorts_give_reason_for():
    three = [cohort(number) for number in (1, 2, 3)]
    assert codes(warning.of_cohorts(three, interleaved=True)) == []
    assert codes(warning.of_cohorts(three[:2], interleaved=True)) == ["few_cohorts"]
    assert codes(warning.of_cohorts(three, interleaved=False)) == ["one_by_one"]
    (found,) = warning.of_cohorts(three, interleaved=False, alone=True)
    assert (found.code, "nvidia-smi" in found.advice) == ("alone", False)  # no mode of the card would help
    spawned = [msgspec.structs.replace(each, unsound="a context was there") for each in three]
    assert codes(warning.of_cohorts(spawned, interleaved=True)) == ["spawned"]


def test_disturbed_windows_are_counted():
    quiet, loud = window(), window("steal", "others")
    some = [cohort(number, windows=(quiet,) * 9 + (loud,)) for number in (1, 2, 3)]
    assert codes(warning.of_cohorts(some, interleaved=True)) == []
    many = [cohort(number, windows=(quiet, loud)) for number in (1, 2, 3)]
    (found,) = warning.of_cohorts(many, interleaved=True)
    assert (found.code, found.text) == (
        "disturbed",
        "Interference in 3 of 6 windows: other processes, time stolen by the hypervisor.",
    )


def record(**changes):
    (only,) = replicates([[1.0] * 12])
    case = XLA
    return CaseRecord(case=case, replicates=(msgspec.structs.replace(only, **changes),))


def test_what_cases_give_reason_for():
    assert codes(warning.of_cases([record()], [cohort(blocks=12)])) == []
    assert codes(warning.of_cases([record()], [cohort(blocks=13)])) == []
    assert codes(warning.of_cases([record()], [cohort(blocks=20)])) == ["few_blocks"]
    (found,) = warning.of_cases([record(steady=False)], [cohort(blocks=12)])
    assert (found.code, found.text) == ("unsteady", "Still changing after their warm-up: xla/resident.")
    (unknown,) = warning.of_cases([record(steady=None)], [cohort(blocks=12)])
    assert unknown.code == "warmup_unknown"
    assert unknown.text == "Warm-up not verified for 1 of 1 processes: under 20 blocks beside the reference."
    (alone,) = warning.of_cases([record(steady=None)], [cohort(blocks=12)], interleaved=False)
    assert alone.text.endswith("they ran alone.")
    three = [replicates([[1.0] * 12] * 3)[i] for i in range(3)]
    once = msgspec.structs.replace(three[0], steady=False)
    one_of_three = CaseRecord(case=XLA, replicates=(once, *three[1:]))
    assert codes(warning.of_cases([one_of_three], [cohort(number, blocks=12) for number in (1, 2, 3)])) == []


def test_the_rest_of_the_list():
    assert codes(warning.of_widths([], 0.02)) == []
    (wide,) = warning.of_widths(["xla/resident"], 0.02)
    assert (wide.code, wide.text) == ("wide", "Intervals that reach further than 2 %: xla/resident.")
    same = SameModel(steps=50, tf32=False, largest_relative_difference=1e-7, limit=1e-5, passed=True)
    other = msgspec.structs.replace(same, largest_relative_difference=0.3, passed=False)
    assert codes(warning.of_sides(None)) + codes(warning.of_sides(same)) == []
    assert "3.0e-01" in warning.of_sides(other)[0].text


def test_a_word_for_every_mark():
    assert set(warning.MARKS) == set(Mark.__args__)


def test_twenty_blocks_are_what_the_check_of_warm_up_takes_and_every_preset_plans():
    assert warning.WARMUP_BLOCKS == 2 * steady_state.BLOCKS
    assert steady_state.find([0.0] * 19).steady is None
    assert steady_state.find([0.0] * 20).steady is True
    assert all(preset.least_rounds >= warning.WARMUP_BLOCKS for preset in (*PRESETS.values(), PROFILE))


def test_every_code_has_its_advice():
    assert set(warning.ADVICE) == set(warning.Code.__args__)


def test_a_longer_preset_is_advised_only_where_there_is_one():
    assert warning.advise("wide", "quick").startswith(
        "Select fewer cases (--only) or measure longer (--preset standard)"
    )
    assert "--preset thorough" in warning.advise("few_blocks", "standard")
    assert "--preset" not in warning.advise("warmup_unknown", "thorough")
    assert "{" not in "".join(warning.advise(code) for code in warning.ADVICE)
