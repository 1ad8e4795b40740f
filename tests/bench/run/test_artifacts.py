"""What is made of a run's results may fail, one thing at a time, and costs neither the results nor the rest."""

from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate

from bench.measure.entry import NEW
from bench.report import drawn
from bench.results.record import CaseRecord, Profile
from bench.run.artifacts import finish


@pytest.fixture
def recorder():
    """Of a simulated run; counts how often it saved."""
    found = document(simulate(np.random.default_rng(1)))
    measured = SimpleNamespace(cases=[CaseRecord(case=b.extra_info.case) for b in found.benchmarks])
    saved = []

    def save(status, reason):
        saved.append(status)
        return found

    return SimpleNamespace(
        document=lambda *rest: found,
        save=save,
        saved=saved,
        experiments={"modes": SimpleNamespace(measured=lambda: measured)},
    )


def test_everything_is_made(recorder, tmp_path, listener):
    (tmp_path / "plots").mkdir()
    finished = finish({NEW: recorder}, tmp_path, "complete", None, listener)
    assert finished.whole
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "plots" / "steps_per_second.png").is_file()
    assert len(list(tmp_path.glob("tensorboard/*/events.*"))) == 7


def test_what_fails_is_said_and_the_rest_is_made(recorder, tmp_path, listener, monkeypatch):
    def full(*rest):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawn, "save_all", full)
    finished = finish({NEW: recorder}, tmp_path, "complete", None, listener)
    assert not finished.whole
    assert recorder.saved == ["complete"]
    assert any("The plots could not be made: OSError" in line and "is saved" in line for line in listener.lines)
    assert (tmp_path / "report.html").is_file()


def test_traces_that_cannot_be_read_back_cost_only_that(recorder, tmp_path, listener, monkeypatch):
    profile = Profile(status="ok", folder="tensorboard/a", steps=5)
    traced = [msgspec.structs.replace(one, profile=profile) for one in recorder.experiments["modes"].measured().cases]
    recorder.experiments["modes"] = SimpleNamespace(measured=lambda: SimpleNamespace(cases=traced))
    finished = finish({NEW: recorder}, tmp_path, "complete", None, listener)  # nothing says what device it was
    assert not finished.whole
    assert any("What the traces say could not be made" in line for line in listener.lines)
    assert (tmp_path / "report.html").is_file()


def test_of_a_run_without_a_case_nothing_is_made(recorder, tmp_path, listener):
    empty = msgspec.structs.replace(recorder.document(), benchmarks=())
    without = SimpleNamespace(document=lambda *rest: empty, save=recorder.save)
    finished = finish({NEW: without}, tmp_path, "interrupted", None, listener)
    assert (finished.whole, finished.documents[NEW]) == (True, empty)
    assert recorder.saved == ["interrupted"]
    assert not list(tmp_path.iterdir())


def test_a_result_that_cannot_be_saved_any_more_is_said_and_the_rest_is_made(recorder, tmp_path, listener):
    def full(*rest):
        raise OSError(28, "No space left on device")

    recorder.save = full
    finished = finish({NEW: recorder}, tmp_path, "failed", "the disk is full", listener)
    assert not finished.whole
    assert any("The last result could not be made: OSError" in line for line in listener.lines)
    assert (tmp_path / "report.html").is_file()
