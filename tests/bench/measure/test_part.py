"""What an experiment does before a worker may have a GPU: looks at it right before, and again after a check."""

from types import SimpleNamespace

import pytest
from support.documents import processes

from bench.experiments.base import ExperimentPlan
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.selection import Choice, select
from bench.measure import entry
from bench.measure.part import Common, Part
from bench.measure.time_spent import TimeSpent
from bench.recording.recorder import ExperimentRecorder
from bench.results.record import RepetitionRecord

CASES = [case for case in select(Choice(("memory",)))["memory"] if case.memory in ("growth", "fraction-0.9")]
ENTRIES = entry.of(CASES, side_by_side=False)
FRACTION = next(one for one in ENTRIES.all if one.case.memory == "fraction-0.9")


class Repetition:
    """One that is refused for these reasons, in turn, and remembers what was asked of it."""

    number = 2

    def __init__(self, *reasons):
        self.reasons, self.calls = list(reasons), []

    def why_not(self, entry):
        self.calls.append("look")
        return self.reasons.pop(0)

    def start(self, entry):
        self.calls.append("start")


@pytest.fixture
def recorder(tiny):
    return ExperimentRecorder(
        ExperimentPlan(experiment=EXPERIMENTS["memory"], cases=tuple(CASES), preset=tiny, interleaved=False)
    )


@pytest.fixture
def part(tiny, recorder):
    said = []
    common = Common(
        advance=None,
        stage=None,
        milestone=None,
        say=said.append,
        save=None,
        time_spent=TimeSpent(),
        losses={},
        contexts={},
        capability=None,
        tf32_on=True,
        profile=False,
    )
    found = Part(
        EXPERIMENTS["memory"], SimpleNamespace(preset=tiny, device="gpu"), ENTRIES, {entry.NEW: recorder}, common
    )
    found.said = said
    return found


def repetition_record(number):
    return RepetitionRecord(
        repetition=number,
        server_seconds=1.0,
        start_method="fork",
        unsound=None,
        cases=(),
        order=(),
        samples=1,
        seconds=1.0,
        windows=(),
    )


def test_a_case_that_never_could_start_is_skipped_with_the_reason(part, recorder):
    repetition = Repetition("others are on the GPU")
    part._start(repetition, FRACTION)
    assert repetition.calls == ["look"]
    assert recorder.record(FRACTION.case).skipped == "others are on the GPU"


def test_what_earlier_repetitions_measured_stands_where_a_later_one_is_left_out(part, recorder):
    (measured,) = processes([[1e-3, 1e-3]])
    recorder.put_repetition(repetition_record(1), {FRACTION.case.name: measured})
    part._start(Repetition("others are on the GPU"), FRACTION)
    record = recorder.record(FRACTION.case)
    assert (record.skipped, len(record.processes)) == (None, 1)
    assert part.said == ["fraction-0.9/function is left out of repetition 2: others are on the GPU."]


def test_after_the_check_of_the_first_repetition_the_gpu_is_looked_at_again(part, recorder, monkeypatch):
    repetition = Repetition(None, None)
    repetition.number = 1
    monkeypatch.setattr(part._checks, "check_apart", lambda repetition, entry: repetition.calls.append("check") or True)
    part._start(repetition, FRACTION)
    assert repetition.calls == ["look", "check", "look", "start"]
    came_meanwhile = Repetition(None, "others are on the GPU")
    came_meanwhile.number = 1
    part._start(came_meanwhile, FRACTION)
    assert came_meanwhile.calls == ["look", "check", "look"]
    assert recorder.record(FRACTION.case).skipped == "others are on the GPU"
