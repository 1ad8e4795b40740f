"""The check that every case is still the same model, before it is timed: against eager's losses on its own side."""

from collections.abc import Mapping

from bench.cases import Case
from bench.measure import same_model
from bench.measure.cohort import Cohort
from bench.measure.entry import BASE, NEW, Entries, Entry, Side
from bench.measure.launcher import WorkerFailed
from bench.measure.same_model import CHECK_STEPS, Losses
from bench.results.recorder import Recorder


class Checks:
    """Keeps each side's losses of eager, which the cases of that side are held against."""

    def __init__(self, entries: Entries, recorders: Mapping[Side, Recorder], device: str) -> None:
        self._entries = entries
        self._recorders = recorders
        self._device = device
        self._losses: dict[Side, Losses] = {}

    def train_references(self, cohort: Cohort) -> None:
        """Train eagerly on every side; where that fails, the side's cases go unchecked, with the reason."""
        for side, recorder in self._recorders.items():
            eager = Case(experiment="check", mode="eager", pipeline="resident")
            try:
                self._losses[side] = cohort.losses_apart(Entry(eager, side), CHECK_STEPS)
            except WorkerFailed as failure:
                for entry in self._entries.all:
                    if entry.side == side:
                        recorder.note(entry.case, same_model_reason=f"eager's losses could not be had: {failure}")
        if BASE in self._losses and NEW in self._losses:
            between = same_model.compare(self._losses[NEW], self._losses[BASE], self._device, tf32=False)
            for recorder in self._recorders.values():
                recorder.note_sides(between)

    def check_apart(self, cohort: Cohort, entry: Entry) -> bool:
        """Check a case with TF32 off, before it is timed with TF32 on; False where that fails."""
        if entry.side not in self._losses:
            return True
        result = cohort.check_apart(entry, self._losses[entry.side])
        if result is not None:
            self._recorders[entry.side].note(entry.case, same_model=(result,))
        return result is not None and result.passed

    def check(self, cohort: Cohort) -> None:
        """Hold every member's first losses, as it will be timed, against eager's on the same batches, once."""
        for member in list(cohort.members):
            recorder, case = self._recorders[member.entry.side], member.entry.case
            before = recorder.record(case).same_model
            done = any(result.tf32 == member.prepared.tf32 for result in before)
            if done or member.entry.side not in self._losses:
                continue
            result = cohort.check(member, self._losses[member.entry.side])
            if result is not None:
                recorder.note(case, same_model=(*before, result))
