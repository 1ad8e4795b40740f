"""Results as comparing sees them: from anywhere, with names made safe."""

import json
from pathlib import Path

import numpy as np
import pytest
from documents import document, foreign, simulate

from bench.comparing import runs
from bench.comparing.compare import compare
from bench.errors import NotComparable, ResultFileError
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
    assert runs.load(path.parent).label == runs.load(path).label == "20261122T000000Z-cpu"
    with pytest.raises(ResultFileError, match="not a file"):
        runs.load(path.parent.parent)


def test_labels_are_told_apart(stored):
    paths = [stored(name, label="rack") for name in ("a", "b", "c")]
    assert [run.label for run in runs.load_all(paths)] == ["rack", "rack (2)", "rack (3)"]


def test_the_twin_is_no_case_to_compare(stored):
    run = runs.load(stored("a"))
    assert "modes/function/resident/twin" not in run.cases
    assert len(run.cases) == 6
    assert run.aa_checks == {"modes": "passed"}


def test_names_are_printable_and_end():
    assert runs.printable("a\x1b[31mb\n\u202ec") == "a\ufffd[31mb\ufffd\ufffdc"
    assert len(runs.printable("x" * 10_000)) < 130


def test_files_of_pytest_benchmark_are_compared_on_what_they_have(tmp_path, stored):
    paths = [foreign(tmp_path / name, body) for name, body in (("one", 10), ("two", 10_000))]
    found = compare(*runs.load_all(paths))
    (case,) = found.cases
    assert case.name == "test_it.py::test_sum"
    assert (case.verdict, case.speed.reason) == ("INCONCLUSIVE", "no_interval")
    assert case.speed.ratio.value < 1
    assert (case.speed.ratio.low, case.first_call, case.memory, case.relative) == (None, None, None, None)
    assert any("another tool" in note for note in found.notes)
    with pytest.raises(NotComparable, match="no case in common"):
        compare(runs.load(paths[0]), runs.load(stored("ours")))


def test_a_result_of_another_commit_says_which(stored):
    path = stored("a")
    tree = json.loads(path.read_text())
    tree["commit_info"] = {"id": "0123456789abcdef0123456789abcdef01234567", "dirty": True}
    path.write_text(json.dumps(tree))
    assert runs.load(path).commit == "0123456789ab+"
    tree["commit_info"] = {"id": "<script>"}
    path.write_text(json.dumps(tree))
    assert runs.load(Path(path)).commit is None
