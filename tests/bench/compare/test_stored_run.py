"""Results as comparing sees them: from anywhere, with names made safe."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.documents import document, foreign, simulate

from bench.compare import policy, stored_run
from bench.compare.compare import compare
from bench.errors import NotComparable, ResultFileError
from bench.output import figures
from bench.results import files


@pytest.fixture
def stored(tmp_path):
    def store(name, seed=1, **changes):
        path = tmp_path / name / "result.json"
        path.parent.mkdir()
        files.write(document(simulate(np.random.default_rng(seed)), **changes), path)
        return path

    return store


def test_a_run_folder_is_as_good_as_its_file(stored):
    path = stored("20261122T000000Z-cpu")
    assert stored_run.load(path.parent).label == stored_run.load(path).label == "20261122T000000Z-cpu"
    with pytest.raises(ResultFileError, match="not a file"):
        stored_run.load(path.parent.parent)


def test_labels_are_told_apart(stored):
    paths = [stored(name, label="rack") for name in ("a", "b", "c")]
    assert [run.label for run in stored_run.load_all(paths)] == ["rack", "rack (2)", "rack (3)"]


def test_the_control_is_no_case_to_compare(stored):
    run = stored_run.load(stored("a"))
    assert "modes/function/resident/control" not in run.cases
    assert len(run.cases) == 6
    assert run.aa_checks == {"modes": "passed"}


def test_names_are_printable_and_end():
    assert figures.printable("a\x1b[31mb\n\u202ec") == "a\ufffd[31mb\ufffd\ufffdc"
    assert len(figures.printable("x" * 10_000)) < 130


def test_files_of_pytest_benchmark_are_compared_on_what_they_have(tmp_path, stored):
    paths = [foreign(tmp_path / name, body) for name, body in (("one", 10), ("two", 10_000))]
    found = compare(*stored_run.load_all(paths))
    (case,) = found.cases
    assert case.name == "test_it.py::test_sum"
    assert (case.verdict, case.speed.reason) == ("INCONCLUSIVE", "no_interval")
    assert case.speed.ratio.value < 1
    assert (case.speed.ratio.low, case.first_call, case.memory, case.relative) == (None, None, None, None)
    assert any("another tool" in note for note in found.notes)
    with pytest.raises(NotComparable, match="no case in common"):
        compare(stored_run.load(paths[0]), stored_run.load(stored("ours")))


def test_a_result_of_another_commit_says_which(stored):
    path = stored("a")
    tree = json.loads(path.read_text())
    tree["commit_info"] = {"id": "0123456789abcdef0123456789abcdef01234567", "dirty": True}
    path.write_text(json.dumps(tree))
    assert stored_run.load(path).commit == "0123456789ab+"
    tree["commit_info"] = {"id": "<script>"}
    path.write_text(json.dumps(tree))
    assert stored_run.load(Path(path)).commit is None


def of_other_tools(folder, name, benchmarks):
    """A file as pytest-benchmark writes them, with these medians."""
    content = {
        "machine_info": {"cpu": {"brand_raw": "EPYC", "count": 2}},
        "commit_info": {},
        "benchmarks": [
            {"name": full, "fullname": full, "stats": {"median": seconds, "min": seconds, "max": seconds}}
            for full, seconds in benchmarks
        ],
        "datetime": "2026-01-01T00:00:00",
        "version": "5.2.3",
    }
    (folder / name).write_text(json.dumps(content))
    return folder / name


LONG = "tests/test_x.py::test_the_same_beginning_" + 100 * "x"


def test_names_that_begin_alike_are_cases_of_their_own(tmp_path):
    names = [f"{LONG}[{i}]" for i in (1, 2, 3)]
    base = of_other_tools(tmp_path, "a.json", [(name, 1.0) for name in names])
    new = of_other_tools(tmp_path, "b.json", [(name, 1.0 + 2.0 * (name == names[1])) for name in names])
    found = compare(*stored_run.load_all([base, new]))
    assert [case.state for case in found.cases] == ["compared"] * 3
    assert sorted(round(case.speed.ratio.value, 2) for case in found.cases) == [0.33, 1.0, 1.0]
    assert all(len(case.name) <= 130 for case in found.cases)


def test_names_that_differ_in_what_cannot_be_shown_are_told_apart(tmp_path):
    names = ["test[\x01]", "test[\x02]", "test[\ufffd]"]
    path = of_other_tools(tmp_path, "a.json", [(name, 1.0) for name in names])
    cases = stored_run.load(path).cases
    assert len(cases) == 3
    assert "test[\ufffd]" in cases  # which is what it says
    assert all(name.isprintable() for name in cases)


def test_the_same_name_twice_is_an_error(tmp_path):
    path = of_other_tools(tmp_path, "a.json", [("test_x", 1.0), ("test_x", 3.0)])
    with pytest.raises(ResultFileError, match="each name once, found 'test_x' 2 times"):
        stored_run.load(path)


@pytest.mark.parametrize("seconds", [0.0, 1e-15, 1e9])
def test_a_time_of_which_no_ratio_can_be_made_is_called_that(tmp_path, seconds):
    base = of_other_tools(tmp_path, "a.json", [("test_x", 1.0), ("test_y", seconds)])
    new = of_other_tools(tmp_path, "b.json", [("test_x", 1.0), ("test_y", 1.0)])
    found = compare(*stored_run.load_all([base, new]))
    states = {case.name: (case.state, case.detail) for case in found.cases}
    assert states["test_x"][0] == "compared"
    assert states["test_y"] == ("no_ratio", f"a median of {seconds} s has no ratio")
    assert policy.exit_code([found], policy.USUAL) == 0
    back = compare(*stored_run.load_all([new, base]))
    assert {case.name: case.state for case in back.cases}["test_y"] == "no_ratio"


def test_labels_are_unique_also_where_a_file_is_called_as_the_second_would_be(stored):
    names = ["a", "b", "c"]
    labels = ["x", "x", "x (2)"]
    some = [replace(stored_run.load(stored(name)), label=label) for name, label in zip(names, labels, strict=True)]
    found = [run.label for run in stored_run.with_labels_of_their_own(some)]
    assert found == ["x", "x (3)", "x (2)"]
