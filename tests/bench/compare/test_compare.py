"""Comparisons of simulated results whose truth is known."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.documents import TIMES, document, pair, simulate, together

from bench.compare import policy, stored_run
from bench.compare.compare import Rules, compare
from bench.errors import ExitCode, NotComparable


def code_of(comparison):
    """The exit code where nothing is said of what is to fail."""
    return policy.exit_code([comparison], policy.USUAL)


def run(found, name="a"):
    return stored_run.of_document(Path(f"{name}/result.json"), found)


def samples(seed, factors=(), **changes):
    """Simulated seconds; `factors` multiplies some cases' times."""
    times = {name: seconds * dict(factors).get(name, 1.0) for name, seconds in TIMES.items()}
    return simulate(np.random.default_rng(seed), times, **changes)


def side_by_side(factors=(), seed=1, **changes):
    generator = np.random.default_rng(seed)
    base = simulate(generator, **changes)
    times = {name: seconds * dict(factors).get(name, 1.0) for name, seconds in TIMES.items()}
    new = simulate(generator, times, **changes)
    return compare(*(run(found, str(i)) for i, found in enumerate(pair(base, new))))


def verdicts(comparison):
    return {case.name.removeprefix("modes/"): case.verdict for case in comparison.cases}


QUIET = {"repetitions": 12, "process": 0.003, "server": 0.003}


def test_side_by_side_finds_one_slower_case_and_calls_the_rest_the_same():
    comparison = side_by_side([("xla/notebook", 1.06)], **QUIET)
    assert (comparison.kind, comparison.threshold) == ("side_by_side", 0.03)
    assert verdicts(comparison) == {
        name: "SLOWER" if name == "xla/notebook" else "SAME" for name in TIMES if not name.endswith("control")
    }
    assert comparison.regressions == ("modes/xla/notebook is slower",)
    assert code_of(comparison) == ExitCode.REGRESSION


def test_an_improvement_never_fails():
    comparison = side_by_side([(name, 0.8) for name in TIMES], **QUIET)
    assert set(verdicts(comparison).values()) == {"FASTER"}
    assert code_of(comparison) == ExitCode.OK


def test_side_by_side_drift_of_both_moves_nothing():
    generator = np.random.default_rng(3)
    drift = np.exp(np.cumsum(generator.normal(0, 0.2, (12, 20)), axis=1))
    base, new = ({name: rows * drift for name, rows in simulate(generator, **QUIET).items()} for _ in range(2))
    assert set(verdicts(compare(*(run(found) for found in pair(base, new)))).values()) == {"SAME"}


def test_side_by_side_equal_code_is_called_different_in_at_most_one_of_twenty():
    alarms = 0
    for seed in range(200):
        found = verdicts(side_by_side(seed=seed, repetitions=4, sample=0.09, process=0.014, server=0.014))
        alarms += bool({"SLOWER", "FASTER"} & set(found.values()))
    assert alarms <= 10


def test_an_unstable_base_decides_nothing():
    base, new = pair(*(samples(seed, [("function/resident/control", 1.5)] * (seed == 1), **QUIET) for seed in (1, 2)))
    comparison = compare(run(base), run(new))
    assert set(verdicts(comparison).values()) == {"INCONCLUSIVE"}
    assert {case.speed.reason for case in comparison.cases} == {"unstable"}
    assert code_of(comparison) == ExitCode.OK


BATCHES = {"function/16": 0.8e-3, "function/64": 1.1e-3, "xla/64": 0.8e-3, "function/64/control": 1.1e-3}


def with_batches(seed, day, control=1.0, factors=(), batch_factors=()):
    """A result with the experiments modes and batch."""
    generator = np.random.default_rng(seed)
    times = {name: seconds * dict(batch_factors).get(name, 1.0) for name, seconds in BATCHES.items()}
    times["function/64/control"] *= control
    modes = document(samples(seed, factors, **QUIET), day=day)
    return together(modes, document(simulate(generator, times, **QUIET), experiment="batch", day=day))


def test_an_unstable_experiment_decides_nothing_of_its_own_and_the_others_stand():
    base, new = with_batches(1, 1, control=1.5), with_batches(2, 2, factors=[(name, 1.6) for name in TIMES])
    found = {case.name: case.speed for case in compare(run(base), run(new, "b")).cases}
    for name, speed in found.items():
        unstable = name.startswith("batch/")
        assert (speed.reason == "unstable") == unstable
        assert (speed.verdict == "SLOWER") == (not unstable), name


def test_a_case_is_held_against_the_others_of_its_own_experiment():
    """All of batch got slower, as by another machine; among the modes nothing stands out, and batch has too few."""
    base, new = with_batches(1, 1), with_batches(2, 2, batch_factors=[(name, 1.3) for name in BATCHES])
    found = {case.name: case.relative for case in compare(run(base), run(new, "b")).cases}
    assert all(relative is None for name, relative in found.items() if name.startswith("batch/"))
    modes = [relative for name, relative in found.items() if name.startswith("modes/")]
    assert all(relative is not None and relative.verdict != "SLOWER" for relative in modes)


def test_an_experiment_of_one_result_only_is_noted_and_fails_nothing():
    both, modes = with_batches(1, 1), document(samples(2, **QUIET), day=2)
    for base, new, name in ((both, modes, "a"), (modes, both, "b")):
        comparison = compare(run(base, "a"), run(new, "b"))
        assert {stored_run.experiment_of(case.name) for case in comparison.cases} == {"modes"}
        assert code_of(comparison) == ExitCode.OK
        assert f"batch is in {name} only: not compared." in comparison.notes


def test_where_the_history_is_too_short_for_an_experiment_that_is_noted():
    history = [run(document(samples(seed, **QUIET), day=2), f"h{seed}") for seed in range(10, 16)]
    base, new = run(with_batches(1, 1)), run(with_batches(2, 2), "b")
    assert (
        "Too few of the stored runs have cases of batch: what those vary by is assumed."
        in compare(base, new, history).notes
    )
    assert compare(base, new).notes == ()


def separate(base_samples, new_samples, history=(), rules=Rules(), **changes):  # noqa: B008 - frozen
    new = document(new_samples, label="new", day=2, **changes)
    return compare(run(document(base_samples, label="base"), "base"), run(new, "new"), history, rules)


def test_separate_runs_carry_what_runs_vary_by():
    comparison = separate(samples(1), samples(2, [(name, 1.08) for name in TIMES]))
    assert (comparison.kind, comparison.noise.source, comparison.noise.deviation) == ("separate", "assumed", 0.05)
    assert set(verdicts(comparison).values()) == {"INCONCLUSIVE"}
    width = np.log(comparison.cases[0].speed.ratio.high / comparison.cases[0].speed.ratio.value)
    assert 1.96 * np.sqrt(2) * 0.05 < width < 0.2
    assert "--against" in comparison.cases[0].speed.settle
    slower = separate(samples(1), samples(2, [(name, 1.3) for name in TIMES]))
    assert set(verdicts(slower).values()) == {"SLOWER"}


def test_a_slower_machine_is_not_taken_for_a_regression_of_every_case_by_the_relative_view():
    comparison = separate(samples(1), samples(2, [(name, 1.08) for name in TIMES]))
    assert {case.relative.verdict for case in comparison.cases} <= {"INCONCLUSIVE", "SAME"}


def test_the_regression_of_a_single_case_is_found_among_the_others():
    slower = [(name, 1.04 * (1.2 if name == "xla/notebook" else 1.0)) for name in TIMES]
    comparison = separate(samples(1, repetitions=12), samples(2, slower, repetitions=12))
    found = {case.name.removeprefix("modes/"): case for case in comparison.cases}
    assert found["xla/notebook"].relative.verdict == "SLOWER"
    assert found["xla/notebook"].verdict == "SLOWER"
    assert [name for name, case in found.items() if case.verdict == "SLOWER"] == ["xla/notebook"]


def test_one_case_that_gained_does_not_make_the_others_slower():
    comparison = separate(samples(1, repetitions=12), samples(2, [("xla/notebook", 0.5)], repetitions=12))
    found = verdicts(comparison)
    assert found.pop("xla/notebook") == "FASTER"
    assert "SLOWER" not in found.values()
    assert code_of(comparison) == ExitCode.OK


@pytest.mark.parametrize("factor", [0.9, 0.75, 0.5])
def test_half_of_the_cases_gaining_makes_no_other_slower(factor):
    gained = [(name, factor) for name in TIMES if name.endswith("notebook")]
    comparison = separate(samples(1, repetitions=12), samples(2, gained, repetitions=12))
    assert "SLOWER" not in verdicts(comparison).values()
    assert code_of(comparison) == ExitCode.OK
    mirrored = separate(samples(2, gained, repetitions=12), samples(1, repetitions=12))
    assert verdicts(mirrored)["xla/resident"] != "FASTER"


def test_without_common_rounds_there_is_no_ratio():
    base, new = pair(samples(1), samples(2))
    later = [
        msgspec.structs.replace(
            benchmark,
            extra_info=msgspec.structs.replace(
                benchmark.extra_info,
                processes=tuple(
                    msgspec.structs.replace(process, rounds=tuple(100 + number for number in process.rounds))
                    for process in benchmark.extra_info.processes
                ),
            ),
        )
        for benchmark in new.benchmarks
    ]
    found = compare(run(base), run(msgspec.structs.replace(new, benchmarks=tuple(later))))
    for case in found.cases:
        assert (case.verdict, case.speed.ratio.value) == ("INCONCLUSIVE", None)
        assert case.speed.ratio.reason == "no common rounds"


def test_a_case_that_failed_on_the_base_side_has_no_verdict_and_fails():
    _, new = pair(samples(1, **QUIET), samples(2, **QUIET))
    broken, _ = pair(samples(1, **QUIET), samples(2, **QUIET), failed=["xla/resident"])
    found = compare(run(broken), run(new))
    case = {case.name.removeprefix("modes/"): case for case in found.cases}["xla/resident"]
    assert (case.state, case.detail) == ("failed", "on the side of base: failed: killed by SIGKILL")
    assert code_of(found) == ExitCode.FAILED
    everything, _ = pair(samples(1, **QUIET), samples(2, **QUIET), failed=list(TIMES))
    assert code_of(compare(run(everything), run(new))) == ExitCode.FAILED


def test_a_base_whose_control_failed_decides_nothing():
    base, new = pair(samples(1, **QUIET), samples(2, **QUIET), failed=["function/resident/control"])
    found = compare(run(base), run(new))
    assert {case.speed.reason for case in found.cases} == {"unchecked"}


def test_separate_runs_of_equal_code_are_rarely_called_different():
    """Each run on a machine that is 5% faster or slower than usual, which is what is assumed."""
    alarms = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        both = []
        for _ in range(2):
            level = np.exp(generator.normal(0, 0.05))
            own = {name: seconds * level * np.exp(generator.normal(0, 0.012)) for name, seconds in TIMES.items()}
            both.append(simulate(generator, own))
        alarms += bool({"SLOWER", "FASTER"} & set(verdicts(separate(*both)).values()))
    assert alarms <= 10


def test_few_cases_have_no_relative_view():
    few = {name: rows for name, rows in samples(1).items() if name.endswith(("resident", "control"))}
    assert {case.relative for case in separate(few, few).cases} == {None}


def test_other_hardware_has_ratios_and_no_verdict():
    comparison = separate(samples(1), samples(2, [(name, 1 / 3) for name in TIMES]), gpu="A100")
    assert (comparison.kind, comparison.judged) == ("other_hardware", False)
    assert comparison.differences[0].hardware
    assert (comparison.differences[0].base, comparison.differences[0].new) == (None, "A100")
    for case in comparison.cases:
        assert case.verdict is None
        assert case.speed.ratio.low < 3 < case.speed.ratio.high
    assert code_of(comparison) == ExitCode.OK
    asked = separate(samples(1), samples(2, [(name, 3) for name in TIMES]), rules=Rules(across_hardware=True), gpu="A")
    assert code_of(asked) == ExitCode.REGRESSION


def test_other_software_is_named_and_judged():
    comparison = separate(samples(1), samples(2, [(name, 1.5) for name in TIMES]), tensorflow="2.22.0")
    (difference,) = comparison.differences
    assert (difference.name, difference.base, difference.new) == ("tensorflow", "2.21.0", "2.22.0")
    assert code_of(comparison) == ExitCode.REGRESSION


def test_a_missing_case_counts_as_failed_and_an_added_one_is_shown():
    base = samples(1)
    new = {name: rows for name, rows in samples(2).items() if name != "eager/notebook"}
    comparison = separate(base, new)
    states = {case.name.removeprefix("modes/"): case.state for case in comparison.cases}
    assert states["eager/notebook"] == "missing"
    assert code_of(comparison) == ExitCode.FAILED
    back = separate(new, base)
    assert {case.name.removeprefix("modes/"): case.state for case in back.cases}["eager/notebook"] == "added"
    assert code_of(back) == ExitCode.OK


def test_a_failed_case_is_a_failure_with_its_reason_also_where_something_is_slower():
    comparison = separate(samples(1), samples(2, [(name, 2.0) for name in TIMES]), failed=["xla/resident"])
    found = {case.name.removeprefix("modes/"): case for case in comparison.cases}["xla/resident"]
    assert (found.state, found.detail) == ("failed", "failed: killed by SIGKILL")
    assert found.base_steps_per_second is not None
    assert found.new_steps_per_second is None
    assert comparison.regressions
    assert code_of(comparison) == ExitCode.FAILED


def test_memory_of_a_gpu_counts_where_both_tell_it():
    def memory(before, after):
        base, new = (
            document(samples(1), gpu_memory=before),
            document(samples(2), gpu_memory=after, memory=900 * 2**20),
        )
        found = compare(run(base), run(new, "b"))
        return {case.memory.verdict for case in found.cases}

    assert memory(2**30, 2**30) == {"SAME"}
    assert memory(2**30, 2**31) == {"LARGER"}
    assert memory(None, 2**30) == {"LARGER"}  # of the host, which both tell


def test_first_call_memory_and_loss_are_compared_too():
    comparison = separate(samples(1), samples(2), first_call=0.5, memory=600 * 2**20, final_loss=0.03)
    for case in comparison.cases:
        assert case.first_call.verdict == "SLOWER"
        assert case.first_call.ratio.value == pytest.approx(0.5 / 0.3)
        assert case.memory.verdict == "LARGER"
    assert comparison.final_loss.value == pytest.approx(1.5)
    assert any("final loss" in note for note in comparison.notes)
    assert code_of(comparison) == ExitCode.REGRESSION
    same = separate(samples(1), samples(2))
    assert {case.memory.verdict for case in same.cases} == {"SAME"}
    assert same.notes == ()


def test_unfinished_results_are_said():
    comparison = separate(samples(1), samples(2), status="interrupted")
    assert any("interrupted" in note for note in comparison.notes)


def test_other_work_or_data_is_not_comparable():
    with pytest.raises(NotComparable, match="different data"):
        separate(samples(1), samples(2), data="e" * 64)
    one, other = {"xla/resident": samples(1)["xla/resident"]}, {"eager/resident": samples(1)["eager/resident"]}
    reference = {"function/resident": samples(1)["function/resident"]}
    base, new = run(document({**reference, **one})), run(document({**reference, **other}))
    assert compare(base, new).cases  # the reference they have in common
    object.__setattr__(new, "workload", "f" * 64)
    with pytest.raises(NotComparable, match="different workloads"):
        compare(base, new)
