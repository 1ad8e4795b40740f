"""What an experiment does before a worker may have a card: looks at it right before, and again after a check."""

from types import SimpleNamespace

import pytest
from support.documents import replicates

from bench.experiments.base import ExperimentPlan
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.selection import Choice, select
from bench.measure import entry
from bench.measure.part import Common, Part
from bench.measure.spending import Spending
from bench.recording.recorder import ExperimentRecorder
from bench.results.record import CohortRecord

CASES = [case for case in select(Choice(("memory",)))["memory"] if case.memory in ("growth", "fraction-0.9")]
ENTRIES = entry.of(CASES, side_by_side=False)
FRACTION = next(one for one in ENTRIES.all if one.case.memory == "fraction-0.9")


class Cohort:
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
        say=said.append,
        save=None,
        spending=Spending(),
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


def cohort_record(number):
    return CohortRecord(
        cohort=number,
        server_seconds=1.0,
        start_method="fork",
        unsound=None,
        cases=(),
        order=(),
        blocks=1,
        seconds=1.0,
        windows=(),
    )


def test_a_case_that_never_could_start_is_skipped_with_the_reason(part, recorder):
    cohort = Cohort("others are on the card")
    part._start(cohort, FRACTION)
    assert cohort.calls == ["look"]
    assert recorder.record(FRACTION.case).skipped == "others are on the card"


def test_what_earlier_cohorts_measured_stands_where_a_later_one_is_left_out(part, recorder):
    (measured,) = replicates([[1e-3, 1e-3]])
    recorder.put_cohort(cohort_record(1), {FRACTION.case.name: measured})
    part._start(Cohort("others are on the card"), FRACTION)
    record = recorder.record(FRACTION.case)
    assert (record.skipped, len(record.replicates)) == (None, 1)
    assert part.said == ["fraction-0.9/function is left out of cohort 2: others are on the card."]


def test_after_the_check_of_the_first_cohort_the_card_is_looked_at_again(part, recorder, monkeypatch):
    cohort = Cohort(None, None)
    cohort.number = 1
    monkeypatch.setattr(part._checks, "check_apart", lambda cohort, entry: cohort.calls.append("check") or True)
    part._start(cohort, FRACTION)
    assert cohort.calls == ["look", "check", "look", "start"]
    came_meanwhile = Cohort(None, "others are on the card")
    came_meanwhile.number = 1
    part._start(came_meanwhile, FRACTION)
    assert came_meanwhile.calls == ["look", "check", "look"]
    assert recorder.record(FRACTION.case).skipped == "others are on the card"
