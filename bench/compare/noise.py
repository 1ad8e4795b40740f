"""What repeated runs of the same thing vary by: from stored runs of the same fingerprint, or else assumed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median, variance

from bench.compare import stored_run as runs
from bench.compare.records import RunNoise
from bench.compare.stored_run import Measured, Run
from bench.errors import ResultFileError, UsageError
from bench.results import search

LEAST_RUNS = 5

# Seen between 10 s windows of one shared virtual machine: 7.5% for plain times, 2.4% for the ratio of two cases
# (docs/statistics.md). Runs are longer than such windows, and their mean moves less.
ASSUMED_DEVIATION = 0.05
ASSUMED_RELATIVE_DEVIATION = 0.024
ASSUMED_FIRST_CALL_DEVIATION = 0.10
ASSUMED_MEMORY_DEVIATION = 0.01

Error = tuple[float, float]
"""A squared error of a logarithm, and its degrees of freedom."""

INFINITE = float("inf")


@dataclass(frozen=True)
class Noise:
    """Squared deviations between runs, by case, with degrees of freedom; what is not there is assumed."""

    runs: int = 0
    time: Mapping[str, Error] = field(default_factory=dict)
    relative: Mapping[str, Error] = field(default_factory=dict)
    first_call: Mapping[str, Error] = field(default_factory=dict)
    memory: Mapping[str, Error] = field(default_factory=dict)

    def summary(self) -> RunNoise:
        """For the reader of a comparison."""
        if not self.time:
            return RunNoise(
                source="assumed",
                runs=self.runs,
                deviation=ASSUMED_DEVIATION,
                relative_deviation=ASSUMED_RELATIVE_DEVIATION,
            )
        relative = [error**0.5 for error, _ in self.relative.values()]
        return RunNoise(
            source="history",
            runs=self.runs,
            deviation=median(error**0.5 for error, _ in self.time.values()),
            relative_deviation=median(relative) if relative else None,
        )


def assumed(deviation: float) -> Error:
    """An error that was not measured."""
    return deviation**2, INFINITE


def check_history(folder: Path | None) -> None:
    """Raise UsageError where there is no such folder."""
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--history {folder}: no such folder.")


def load_history(folder: Path | None, wanted: Sequence[Run]) -> list[Run]:
    """The complete results below `folder` of the same fingerprint and work as one of those `wanted`, without these.

    A run that is there twice counts once. Files that are no results are passed over; none without a folder. Raises
    UsageError where there is no such folder.
    """
    if folder is None:
        return []
    check_history(folder)
    fingerprints = {(run.fingerprint, run.workload, run.data) for run in wanted}
    themselves = {run.path.resolve() for run in wanted}
    found = []
    for path in search.below(folder):
        if path.resolve() in themselves:
            continue
        try:
            run = runs.load(path)
        except ResultFileError:
            continue
        if run.status == "complete" and (run.fingerprint, run.workload, run.data) in fingerprints:
            found.append(run)
    return runs.distinct([*wanted, *found])[len(wanted) :]


def of_history(history: Sequence[Run], like: Run) -> Noise:
    """The noise between the stored runs that have the fingerprint of `like`."""
    same = [run for run in history if run.fingerprint is not None and run.fingerprint == like.fingerprint]
    same = _one_of_each_pairing(same)
    if len(same) < LEAST_RUNS:
        return Noise(runs=len(same))
    return Noise(
        runs=len(same),
        time=_between([_means(run, lambda case: case.levels) for run in same]),
        relative=_between(_among_the_others(same)),
        first_call=_between([_means(run, lambda case: case.first_calls) for run in same]),
        memory=_between([_means(run, lambda case: case.memory) for run in same]),
    )


def _one_of_each_pairing(history: Iterable[Run]) -> list[Run]:
    """The two sides of one run shared its minutes: they are one draw from the noise between runs."""
    chosen: dict[str, Run] = {}
    for run in history:
        chosen.setdefault(run.pairing.id if run.pairing else str(run.path), run)
    return list(chosen.values())


def _means(run: Run, logs: Callable[[Measured], dict[int, float]]) -> dict[str, float]:
    return {name: fmean(values.values()) for name, case in run.cases.items() if (values := logs(case))}


def _among_the_others(history: Sequence[Run]) -> list[dict[str, float]]:
    """For each run, by how much each case is off its usual ratio to the reference, beyond the middle of the others.

    The others are those of its experiment, and a run counts for an experiment that it has.
    """
    experiments = sorted({experiment for run in history for experiment in run.references})
    found: list[dict[str, float]] = []
    for experiment in experiments:
        with_it = [run for run in history if experiment in run.references]
        found += _off([_means_to_reference(run, experiment) for run in with_it])
    return found


def _means_to_reference(run: Run, experiment: str) -> dict[str, float]:
    logs = run.logs_to_reference
    return {name: fmean(logs[name].values()) for name in logs if runs.experiment_of(name) == experiment and logs[name]}


def _off(ratios: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    names = set.intersection(*(set(of_run) for of_run in ratios))
    usual = {name: fmean(of_run[name] for of_run in ratios) for name in names}
    off = [{name: of_run[name] - usual[name] for name in names} for of_run in ratios]
    return [
        {name: of_run[name] - median(value for other, value in of_run.items() if other != name) for name in of_run}
        for of_run in off
        if len(of_run) > 1
    ]


def _between(stored: Sequence[Mapping[str, float]]) -> dict[str, Error]:
    """Variance between runs of each case that enough of them have.

    It holds what varies within the runs too. That is counted twice then, which is better than a difference of two
    estimates that five runs often put at 0.
    """
    found = {}
    for name in sorted(set().union(*stored)):
        values = [of_run[name] for of_run in stored if name in of_run]
        if len(values) >= LEAST_RUNS:
            found[name] = (variance(values), len(values) - 1.0)
    return found
