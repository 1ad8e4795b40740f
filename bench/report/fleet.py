"""Many runs put in order: which machines there are, the newest run of each, and what changed from run to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.compare import stored_run as runs
from bench.compare.compare import compare
from bench.compare.records import Comparison
from bench.compare.stored_run import Run
from bench.errors import NotComparable, ResultFileError, UsageError
from bench.recording.folders import BASE_RESULT, RESULT
from bench.results import search

MOST_TOGETHER = 40  # runs side by side
_NOISE_FROM = 20  # earlier runs that say what runs vary by


@dataclass(frozen=True)
class Loaded:
    """The runs in the order of their names, and a line for each file that is no result."""

    runs: list[Run]
    unreadable: list[str]


@dataclass(frozen=True)
class Step:
    """A run after another of the same hardware: what differs, or why that cannot be said."""

    run: Run
    comparison: Comparison | None
    reason: str | None = None


@dataclass(frozen=True)
class Machine:
    """The runs of the same hardware, the oldest first, each but the first against the one before."""

    name: str
    first: Run
    steps: tuple[Step, ...]

    @property
    def runs(self) -> list[Run]:
        """All of them."""
        return [self.first, *(step.run for step in self.steps)]

    @property
    def newest(self) -> Run:
        """The last of them that is complete, or else that has a case, or else the last."""
        complete = [run for run in self.runs if run.status == "complete" and run.cases]
        return (complete or [run for run in self.runs if run.cases] or self.runs)[-1]


def find(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: the folder of a run stands for its result, another for all results below it.

    Raises UsageError where there is none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir() and not _is_run(path):
            # Of a side-by-side run the side that was measured for its own sake.
            below = [one for one in search.below(path) if not _is_base(one)]
            if not below:
                raise UsageError(f"{path} has no result in it: name runs, or a folder with runs below it.")
            found.update(dict.fromkeys(below))
        else:
            found[path / RESULT if path.is_dir() else path] = None
    return list(found)


def _is_run(folder: Path) -> bool:
    """A run's folder has its result, and none beside it but that of the other side."""
    others = (one for one in folder.glob("*.json") if one.name not in (RESULT, BASE_RESULT))
    return (folder / RESULT).is_file() and not any(search.kind_of(one) == "result" for one in others)


def _is_base(path: Path) -> bool:
    return path.name == BASE_RESULT and path.with_name(RESULT).is_file()


def load(paths: Sequence[Path]) -> Loaded:
    """All results that can be read, each once. Raises ResultFileError where none can."""
    loaded, unreadable = [], []
    for path in paths:
        try:
            loaded.append(runs.load(path))
        except ResultFileError as error:
            unreadable.append(str(error))
    if not loaded:
        raise ResultFileError(unreadable[0] if unreadable else "No result was named.")
    return Loaded(runs.with_labels_of_their_own(runs.distinct(loaded)), unreadable)


def machines(some: Sequence[Run]) -> list[Machine]:
    """The runs by their hardware; the machine of the run that was named first is the first."""
    groups: dict[tuple[tuple[str, object], ...], list[Run]] = {}
    for run in some:
        groups.setdefault(tuple(sorted(run.hardware.items())), []).append(run)
    return [_machine(sorted(group, key=lambda run: run.datetime)) for group in groups.values()]


def _machine(group: Sequence[Run]) -> Machine:
    first, *others = group
    return Machine(first.device, first, tuple(_step(run, group[:i]) for i, run in enumerate(others, start=1)))


def _step(run: Run, earlier: Sequence[Run]) -> Step:
    """The run against the last earlier one that has a case in common.

    Those before that say what runs vary by: it is not made of what it judges.
    """
    place = next((i for i in reversed(range(len(earlier))) if earlier[i].cases.keys() & run.cases.keys()), None)
    if place is None:
        return Step(run, None, "no earlier run has a case in common")
    history = [one for one in earlier[max(0, place - _NOISE_FROM) : place] if one.status == "complete"]
    try:
        return Step(run, compare(earlier[place], run, history))
    except NotComparable as error:
        return Step(run, None, str(error))


def side_by_side(some: Sequence[Machine]) -> list[Run]:
    """The newest of every machine, or of a single machine its newest ones."""
    if len(some) > 1:
        return [machine.newest for machine in some][:MOST_TOGETHER]
    return some[0].runs[-MOST_TOGETHER:]


def against(base: Run, others: Sequence[Run], every: Sequence[Run]) -> list[tuple[Run, Comparison | str]]:
    """Each of the others against the base, or why not; `every` run beside the two says what runs vary by."""
    found: list[tuple[Run, Comparison | str]] = []
    for run in others:
        history = [one for one in every if one is not base and one is not run and one.status == "complete"]
        try:
            found.append((run, compare(base, run, history)))
        except NotComparable as error:
            found.append((run, str(error)))
    return found
