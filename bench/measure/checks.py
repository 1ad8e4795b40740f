"""The check that every case is still the same model, before it is timed: against eager's losses on its own side."""

from collections.abc import Mapping

from bench.launch.worker import WorkerFailed
from bench.measure import same_model
from bench.measure.entry import BASE, NEW, Entries, Entry, Side
from bench.measure.repetition import Repetition
from bench.measure.same_model import Losses, check_steps
from bench.plan import precisions
from bench.plan.case import Case, is_same_model
from bench.recording.recorder import ExperimentRecorder


class Checks:
    """Keeps each side's losses of eager, by batch size, which the cases of that side are held against.

    `losses` are those that another experiment of the same run has had; it gets the new ones too.
    """

    def __init__(
        self,
        entries: Entries,
        recorders: Mapping[Side, ExperimentRecorder],
        device: str,
        losses: dict[tuple[Side, int], Losses],
    ) -> None:
        self._entries = entries
        self._recorders = recorders
        self._device = device
        self._losses = losses

    def train_references(self, repetition: Repetition) -> None:
        """Train eagerly on every side, for every batch size; where that fails, cases go unchecked, with the reason."""
        for side, recorder in self._recorders.items():
            of_side = [entry.case for entry in self._entries.all if entry.side == side]
            for size in sorted({case.batch_size for case in of_side if (side, case.batch_size) not in self._losses}):
                eager = Case(experiment="check", mode="eager", pipeline="resident", batch_size=size)
                try:
                    self._losses[side, size] = repetition.losses_apart(Entry(eager, side), check_steps(size)).losses
                except WorkerFailed as failure:
                    for case in of_side:
                        if case.batch_size == size:
                            recorder.note(case, same_model_reason=f"eager's losses could not be had: {failure}")
        sizes = [size for side, size in self._losses if side == NEW and (BASE, size) in self._losses]
        if sizes:
            new, base = self._losses[NEW, sizes[0]], self._losses[BASE, sizes[0]]
            between = same_model.compare(new, base, self._device, tf32=False)
            for recorder in self._recorders.values():
                recorder.note_sides(between)

    def check_apart(self, repetition: Repetition, entry: Entry) -> bool:
        """Check a case with TF32 off, before it is timed with TF32 on; False where that fails.

        Not one whose precision says itself whether TF32 is on, or that is another model on purpose.
        """
        reference = self._losses.get((entry.side, entry.case.batch_size))
        if reference is None or entry.case.precision != precisions.DEFAULT or not is_same_model(entry.case):
            return True
        result = repetition.check_apart(entry, reference)
        if result is not None:
            self._recorders[entry.side].note(entry.case, same_model=(result,))
        return result is not None and result.passed is True

    def check(self, repetition: Repetition) -> None:
        """Hold every process's first losses, as it will be timed, against eager's on the same batches, once."""
        for process in list(repetition.processes):
            recorder, case = self._recorders[process.entry.side], process.entry.case
            before = recorder.record(case).same_model
            done = any(result.tf32 == process.prepared.tf32 for result in before)
            reference = self._losses.get((process.entry.side, case.batch_size))
            if done or reference is None:
                continue
            if found := repetition.check(process, reference):
                result, losses = found
                recorder.note(case, same_model=(*before, result), losses=tuple(losses))
