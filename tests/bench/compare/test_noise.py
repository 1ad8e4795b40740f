"""What runs vary by, from stored runs with a known deviation."""

from pathlib import Path

import numpy as np
import pytest
from support.documents import TIMES, document, simulate

from bench.compare import noise, stored_run
from bench.compare.compare import compare
from bench.errors import UsageError
from bench.results import files


def stored(seed, deviation, relative=0.0, **changes):
    generator = np.random.default_rng(seed)
    level = np.exp(generator.normal(0, deviation))
    times = {name: seconds * level * np.exp(generator.normal(0, relative)) for name, seconds in TIMES.items()}
    return document(simulate(generator, times), **changes)


def as_runs(documents):
    return [stored_run.of_document(Path(f"{i}.json"), found) for i, found in enumerate(documents)]


def test_a_known_deviation_is_found():
    history = as_runs(stored(seed, 0.08, 0.02) for seed in range(40))
    found = noise.of_history(history, history[0])
    assert found.runs == 40
    # 39 degrees of freedom: the standard error of a deviation is 11%.
    assert found.summary().deviation == pytest.approx(0.082, rel=0.3)
    # The case's own 2%, and what the middle of the five others moves by.
    assert 0.02 < found.summary().relative_deviation < 0.03
    assert found.relative["modes/function/resident"][0] > 0.01**2  # the reference moves among the others as all do
    assert found.time["modes/xla/resident"][1] == 39
    assert found.memory["modes/xla/resident"][0] == pytest.approx(0.0, abs=1e-12)


def test_under_five_stored_runs_it_is_assumed():
    history = as_runs(stored(seed, 0.08) for seed in range(4))
    found = noise.of_history(history, history[0]).summary()
    assert (found.source, found.runs, found.deviation) == ("assumed", 4, noise.ASSUMED_DEVIATION)
    assert noise.of_history(as_runs(stored(seed, 0.08) for seed in range(5)), history[0]).summary().source == "history"


def test_runs_of_another_fingerprint_do_not_count():
    history = as_runs(stored(seed, 0.08, tensorflow="2.20.0") for seed in range(9))
    assert noise.of_history(history, as_runs([stored(0, 0.08)])[0]).runs == 0


def test_the_two_sides_of_one_run_count_once():
    history = as_runs(stored(seed, 0.08, pairing=side) for seed, side in enumerate(["base", "new"] * 4))
    assert noise.of_history(history, history[0]).runs == 1  # all have the same id here


def test_a_quiet_history_narrows_what_is_compared():
    history = as_runs(stored(seed, 0.002) for seed in range(10))
    base, new = as_runs([stored(20, 0.0), stored(21, 0.0)])
    with_history, without = compare(base, new, history), compare(base, new)
    assert (with_history.noise.source, with_history.noise.runs) == ("history", 10)
    for narrow, wide in zip(with_history.cases, without.cases, strict=True):
        assert narrow.speed.ratio.high < wide.speed.ratio.high
    assert {case.verdict for case in with_history.cases} == {"SAME"}


def test_a_folder_is_searched_and_what_is_no_result_is_passed_over(tmp_path):
    wanted = tmp_path / "wanted.json"
    files.write(stored(0, 0.01), wanted)
    for i in range(3):
        (tmp_path / f"run-{i}").mkdir()
        files.write(stored(i + 1, 0.01), tmp_path / f"run-{i}" / "result.json")
    files.write(stored(9, 0.01, status="interrupted"), tmp_path / "interrupted.json")
    files.write(stored(9, 0.01, data="e" * 64), tmp_path / "other-data.json")
    (tmp_path / "rubbish.json").write_text("{")
    found = noise.load_history(tmp_path, [stored_run.load(wanted)])
    assert sorted(run.path.parent.name for run in found) == ["run-0", "run-1", "run-2"]
    assert noise.load_history(None, [stored_run.load(wanted)]) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UsageError, match="no-such"):
        noise.load_history(tmp_path / "no-such", [])


def test_equal_code_with_a_history_is_rarely_called_different():
    alarms = 0
    for seed in range(60):
        history = as_runs(stored(1_000 * seed + i, 0.05, 0.024) for i in range(6))
        base, new = as_runs([stored(1_000 * seed + 100, 0.05, 0.024), stored(1_000 * seed + 101, 0.05, 0.024)])
        found = compare(base, new, history)
        assert found.noise.source == "history"
        alarms += any(case.verdict in ("SLOWER", "FASTER") for case in found.cases)
    assert alarms <= 5
