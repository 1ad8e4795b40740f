"""What fails by the user's choice, and the sentence that says what a comparison came to."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.documents import TIMES, document, pair, simulate

from bench.compare import policy, stored_run
from bench.compare.compare import compare
from bench.compare.policy import Outcome
from bench.errors import ExitCode, UsageError

QUIET = {"sample": 0.003, "process": 0.001, "server": 0.001}


def run(found, name):
    return stored_run.of_document(Path(f"{name}/result.json"), found)


def compared(factors=(), without=(), control=1.0, gpu=None):
    """Two sides, the new one with these cases slower by a factor, and without some; or another machine."""
    generator = np.random.default_rng(2)
    base = {**TIMES, "function/resident/control": control * TIMES["function/resident"]}
    new = {name: seconds * dict(factors).get(name, 1.0) for name, seconds in TIMES.items() if name not in without}
    samples = [simulate(generator, times, **QUIET) for times in (base, new)]
    if gpu:
        return compare(run(document(samples[0]), "base"), run(document(samples[1], gpu=gpu), "new"))
    return compare(*(run(found, name) for found, name in zip(pair(*samples), ("base", "new"), strict=True)))


def ended(comparison, fail_on=policy.USUAL):
    code = policy.exit_code([comparison], fail_on)
    (sentence,) = policy.sentences([comparison], fail_on, code)
    return code, sentence


@pytest.mark.parametrize(
    ("text", "strict", "expected"),
    [
        (None, False, {"regression", "missing"}),
        (None, True, {"regression", "missing", "no-baseline", "inconclusive"}),
        ("noisy", False, {"noisy"}),
        ("regression, noisy,regression", False, {"regression", "noisy"}),
    ],
    ids=["usual", "strict", "one", "twice"],
)
def test_what_is_named_fails(text, strict, expected):
    assert set(policy.parse(text, strict)) == expected


@pytest.mark.parametrize("text", ["", ",", "slow", "regression,slow"])
def test_another_word_is_refused_with_those_there_are(text):
    with pytest.raises(UsageError, match="one or more of regression, missing, no-baseline, noisy, inconclusive"):
        policy.parse(text)


def test_each_outcome_fails_where_it_is_named_and_passes_where_not_and_is_said():
    slower = compared({"xla/resident": 1.3})
    missing = compared(without=["xla/resident"])
    noisy = compared(control=1.3)
    other = compared(gpu="H100")
    for comparison, outcome, code in (
        (slower, Outcome.REGRESSION, ExitCode.REGRESSION),
        (missing, Outcome.MISSING, ExitCode.FAILED),
        (noisy, Outcome.NOISY, ExitCode.INCONCLUSIVE),
        (noisy, Outcome.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
        (other, Outcome.NO_BASELINE, ExitCode.NOT_COMPARABLE),
    ):
        assert outcome in policy.outcomes(comparison)
        failed, why = ended(comparison, (outcome,))
        assert failed == code
        assert f"Exit code {int(code)}: {outcome}" in why
        others = tuple(one for one in Outcome if one not in policy.outcomes(comparison))
        passed, why = ended(comparison, others)
        assert passed == ExitCode.OK
        assert "Exit code 0, though " in why
        assert outcome in why


def test_the_sentence_says_what_was_judged_and_what_was_not():
    code, said = ended(compared({"xla/resident": 1.3}, without=["xla/notebook"]))
    assert code == ExitCode.FAILED
    assert said.startswith("Judged: 5 of 6 cases against base, 4 SAME, 1 SLOWER in speed; missing: modes/xla/notebook.")
    assert said.endswith("Exit code 1: missing.")


def test_what_got_worse_beside_speed_is_counted():
    generator = np.random.default_rng(2)
    base, new = pair(*(simulate(generator, TIMES, **QUIET) for _ in range(2)))
    heavier = run(msgspec.structs.replace(new, benchmarks=tuple(map(with_more_memory, new.benchmarks))), "new")
    code, said = ended(compare(run(base, "base"), heavier))
    assert code == ExitCode.REGRESSION
    assert "6 SAME in speed, 6 LARGER in memory. Exit code 3: regression." in said


def with_more_memory(benchmark):
    processes = tuple(
        msgspec.structs.replace(process, host_peak_rss_bytes=2 * process.host_peak_rss_bytes)
        for process in benchmark.extra_info.processes
    )
    info = msgspec.structs.replace(benchmark.extra_info, processes=processes)
    return msgspec.structs.replace(benchmark, extra_info=info)


def test_where_all_is_well_nothing_is_added():
    code, said = ended(compared())
    assert (code, said) == (ExitCode.OK, "Judged: 6 of 6 cases against base, 6 SAME in speed. Exit code 0.")


def test_of_several_comparisons_the_last_sentence_has_the_code_of_all():
    both = [compared({"xla/resident": 1.3}), compared()]
    code = policy.exit_code(both, policy.USUAL)
    first, last = policy.sentences(both, policy.USUAL, code)
    assert "Exit code" not in first
    assert last.endswith("Exit code 3: regression.")


@pytest.mark.parametrize(
    ("fail_on", "code", "end"),
    [
        (policy.USUAL, ExitCode.OK, "Exit code 0 (--fail-on no-baseline makes it a failure)."),
        (policy.STRICT, ExitCode.NOT_COMPARABLE, "Exit code 4."),
    ],
    ids=["usual", "strict"],
)
def test_without_a_baseline(fail_on, code, end):
    found = policy.exit_code_without_baseline(fail_on)
    assert found == code
    assert policy.without_baseline("there is none yet", fail_on, found).endswith(end)
