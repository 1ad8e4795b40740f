"""Where a run stands: which entries go on, how many samples they should have, and whether it is enough."""

from collections.abc import Mapping

from bench.measure import stopping
from bench.measure.entry import Entries, Entry, Side
from bench.plan.preset import Preset
from bench.recording.recorder import ExperimentRecorder
from bench.results import estimates
from bench.results.record import CaseRecord
from bench.results.schema import StopReason


class Standing:
    """Reads what the recorders hold. Times are kept by `add_repetition`, in seconds."""

    def __init__(self, entries: Entries, recorders: Mapping[Side, ExperimentRecorder], preset: Preset) -> None:
        self._entries = entries
        self._recorders = recorders
        self._preset = preset
        self._repetitions = 0
        self._repetition_seconds = 0.0
        self._setup_seconds = 0.0

    def add_repetition(self, seconds: float, rounds_seconds: float) -> None:
        """A repetition is done: what it took in all, and its rounds."""
        self._repetitions += 1
        self._repetition_seconds = max(self._repetition_seconds, seconds)
        self._setup_seconds = seconds - rounds_seconds

    def alive(self) -> list[Entry]:
        """The entries that go on: sound, and, unless they stay in every round, not known well enough yet."""
        looks = [look for look in self._preset.looks if look <= self._repetitions]
        return [
            entry
            for entry in self._sound()
            if self._entries.is_fixed(entry)
            or not any(self._is_narrow(self._entries.together(entry)[0], look) for look in looks)
        ]

    def samples(self, round_seconds: float, patience: float) -> int:
        """Samples of each case in this repetition, where a round takes so long."""
        alive = self.alive()
        ratios = [self._log_ratios(entry) for entry in self._entries.judged() if entry in alive]
        return stopping.samples_for_next(ratios, self._preset, round_seconds, self._setup_seconds, patience)

    def expected_repetitions(self) -> int:
        """How many repetitions there will be at most, going by the time of those so far."""
        if len(self._preset.looks) == 1 or not self._repetition_seconds:
            return self._preset.looks[0]
        in_time = int(self._preset.seconds / self._repetition_seconds)
        return min(self._preset.looks[-1], max(self._preset.looks[0], self._repetitions, in_time))

    def reason_to_stop(self, elapsed: float) -> StopReason | None:
        """Why no further repetition is measured, None if one is."""
        sound = self._sound()
        judged = [entry for entry in self._entries.judged() if entry in sound]
        if not judged:
            return "no_case_left"
        narrow = all(self._is_narrow(entry, self._repetitions) for entry in judged)
        return stopping.reason_to_stop(self._preset, self._repetitions, narrow, elapsed, self._repetition_seconds)

    def _sound(self) -> list[Entry]:
        """Those that have neither failed nor been skipped, on either side."""
        out = {
            other
            for entry in self._entries.all
            if self._is_out(self._recorders[entry.side].record(entry.case))
            for other in self._entries.together(entry)
        }
        return [entry for entry in self._entries.all if entry not in out]

    @staticmethod
    def _is_out(record: CaseRecord) -> bool:
        return record.failure is not None or record.skipped is not None

    def _is_narrow(self, entry: Entry, repetitions: int) -> bool:
        return stopping.is_narrow(self._log_ratios(entry)[:repetitions], self._preset)

    def _log_ratios(self, entry: Entry) -> list[list[float]]:
        """Of an entry to its partner, repetition by repetition."""
        partner = self._entries.partner(entry)
        return list(estimates.log_ratios(self._processes(entry), self._processes(partner)).values())

    def _processes(self, entry: Entry) -> estimates.Processes:
        return self._recorders[entry.side].record(entry.case).processes
