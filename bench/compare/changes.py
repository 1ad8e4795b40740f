"""By what NEW differs from BASE: of each metric of a case, a difference of logarithms with its error."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from statistics import fmean

from bench.compare import noise
from bench.compare.noise import Error, Noise
from bench.compare.stored_run import Measured, Run, experiment_of
from bench.compare.verdicts import Change
from bench.results import estimates
from bench.stats import inference
from bench.stats.inference import Mean

LEAST_OTHERS = 3  # of fewer, one that changed would move what the others are said to have done


class Changes:
    """Differences of logarithms, NEW minus BASE, of each metric of a case."""

    def __init__(self, base: Run, new: Run, side_by_side: bool, run_noise: Noise, threshold: float) -> None:
        self._base = base
        self._new = new
        self._side_by_side = side_by_side
        self._noise = run_noise
        self._threshold = threshold
        self.common = [name for name in base.cases if name in new.cases]

    def speed(self, name: str) -> Change:
        """Of seconds per step: within common rounds side by side, else of the repetitions' levels."""
        base, new = self._base.cases[name], self._new.cases[name]
        if self._side_by_side:
            logs = estimates.repetition_logs(new.processes, base.processes)
            return Change(_mean(logs.values()))
        if not base.processes or not new.processes:
            return Change(Mean(math.log(new.median_seconds / base.median_seconds), None, 0, 0))
        error = self._noise.time.get(name, noise.assumed(noise.ASSUMED_DEVIATION))
        return _separate(base.levels, new.levels, error)

    def first_call(self, name: str) -> Change | None:
        """Of the seconds of the first call."""
        error = self._noise.first_call.get(name, noise.assumed(noise.ASSUMED_FIRST_CALL_DEVIATION))
        return self._of(lambda case: case.first_calls, name, error)

    def memory(self, name: str) -> Change | None:
        """Of the memory in bytes: what the case used of a GPU where both tell, else the host's peak."""
        if on_gpu := self._of(lambda case: case.gpu_memory, name, noise.assumed(noise.ASSUMED_MEMORY_DEVIATION)):
            return on_gpu
        error = self._noise.memory.get(name, noise.assumed(noise.ASSUMED_MEMORY_DEVIATION))
        return self._of(lambda case: case.memory, name, error)

    def _of(self, logs: Callable[[Measured], dict[int, float]], name: str, error: Error) -> Change | None:
        base, new = logs(self._base.cases[name]), logs(self._new.cases[name])
        if not base or not new:
            return None
        if self._side_by_side:
            common = [new[repetition] - base[repetition] for repetition in new if repetition in base]
            return Change(_mean(common)) if common else None
        return _separate(base, new, error)

    def relative(self, name: str) -> Change | None:
        """Of a case's seconds per step, relative to its experiment's other cases: beyond what their median did.

        All times are taken as ratios to the experiment's reference, within rounds, so that a slower machine moves
        nothing. None side by side, where it is not needed, under LEAST_OTHERS other cases, and where they did not move
        together.
        """
        ordered = self._ordered.get(experiment_of(name), [])
        if name not in ordered or len(ordered) <= LEAST_OTHERS:
            return None
        others = [other for other in ordered if other != name]
        middle = [others[i] for i in ((len(others) - 1) // 2, len(others) // 2)]
        if not self._moved_together(others, middle):
            return None
        base, new = (_contrast(run.logs_to_reference, name, middle) for run in (self._base, self._new))
        if not base or not new:
            return None
        error = self._noise.relative.get(name, noise.assumed(noise.ASSUMED_RELATIVE_DEVIATION))
        return _separate(base, new, error)

    def _moved_together(self, others: Sequence[str], middle: Sequence[str]) -> bool:
        """Whether two of three other cases changed by about the same, so that there is something to be held against."""
        centre = fmean(self._moves[name] for name in middle)
        far = 2 * math.log1p(self._threshold)
        near = sum(abs(self._moves[name] - centre) <= far for name in others)
        return 3 * near >= 2 * len(others)

    @cached_property
    def _moves(self) -> dict[str, float]:
        """What each case's log ratio to its reference changed by, where it is known in both runs."""
        if self._side_by_side:
            return {}
        base, new = self._base.logs_to_reference, self._new.logs_to_reference
        return {
            name: fmean(new[name].values()) - fmean(base[name].values())
            for name in self.common
            if base.get(name) and new.get(name) and self._have_one_reference(experiment_of(name))
        }

    def _have_one_reference(self, experiment: str) -> bool:
        return self._base.references.get(experiment) == self._new.references.get(experiment)

    @cached_property
    def _ordered(self) -> dict[str, list[str]]:
        """The cases of each experiment, by their move."""
        found: dict[str, list[str]] = {}
        for name in sorted(self._moves, key=self._moves.__getitem__):
            found.setdefault(experiment_of(name), []).append(name)
        return found


def _contrast(side: Mapping[str, Mapping[int, float]], name: str, middle: Sequence[str]) -> dict[int, float]:
    """For each repetition that has all of them: the case's log ratio less the mean of those in the middle."""
    return {
        repetition: value - sum(side[other][repetition] for other in middle) / len(middle)
        for repetition, value in side[name].items()
        if all(repetition in side[other] for other in middle)
    }


def _separate(base: Mapping[int, float], new: Mapping[int, float], error: Error) -> Change:
    """Between separate runs: the noise between runs comes on top, once for each."""
    squared, degrees = error
    mean = inference.difference(_mean(new.values()), _mean(base.values()), (2 * squared, degrees))
    return Change(mean, lasting_error=2 * squared)


def _mean(logs: Iterable[float]) -> Mean:
    values = list(logs)
    return inference.mean(values) if values else Mean(math.nan, None, 0, 0)
