"""Baselines: stored results that later runs are held against, in a folder for each fingerprint of machine and software.

The folders are for people. Which results fit a run is said by what is in them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.compare import stored_run
from bench.compare.compare import differences
from bench.compare.stored_run import Run
from bench.errors import NoBaseline, ResultFileError, UsageError
from bench.recording import folders
from bench.results import aa_check, files, search
from bench.results.schema import Document

FOLDER = "baselines"  # below the folder of results
_UNFIT: tuple[aa_check.State, ...] = ("failed", "too noisy")  # an A/A check by which nothing could be judged
_SHOWN = 16  # characters of a fingerprint's hash: enough to tell a fleet apart


@dataclass(frozen=True)
class Fitting:
    """The stored results of a run's machine and software that share a case with it, the oldest first; or why none."""

    results: tuple[Run, ...]
    why_none: str | None = None


@dataclass(frozen=True)
class Kept:
    """Where a result was stored, how many of its fingerprint are there now, and how many were taken away."""

    path: Path
    count: int
    removed: int


def load(folder: Path) -> list[Run]:
    """All results below the folder, the oldest first; none where it is missing.

    Raises ResultFileError for one that is damaged: a gate that passes over its baseline would pass anything.
    """
    return sorted((stored_run.load(path) for path in search.below(folder, strict=True)), key=lambda run: run.datetime)


def fitting(stored: Sequence[Run], new: Run) -> Fitting:
    """Those that NEW can be judged by."""
    same_work = [run for run in stored if (run.workload, run.data) == (new.workload, new.data)]
    same = [run for run in same_work if run.fingerprint == new.fingerprint and run.status == "complete"]
    fit = [run for run in same if not _failed_checks(run)]
    if same and not fit:
        wrong = ", ".join(_failed_checks(same[-1]))
        return Fitting(
            (), f"the A/A check of {_count(same)} of this machine and software did not pass (newest: {wrong})"
        )
    same = fit
    shared = [run for run in same if run.cases.keys() & new.cases.keys()]
    # One that has less than the run would pass over the rest of it.
    whole = [run for run in shared if new.references.keys() <= run.references.keys()]
    if found := whole or shared:
        return Fitting(tuple(found))
    if same:
        return Fitting((), f"{_count(same)} of this machine and software, without a case in common")
    if near := [run for run in same_work if run.hardware == new.hardware]:
        differ = "; ".join(f"{one.name} {one.base} there, {one.new} here" for one in differences(near[-1], new))
        return Fitting((), f"{_count(near)} of this hardware, but in the newest something else differs: {differ}")
    if other_work := [run for run in stored if run.fingerprint == new.fingerprint]:
        return Fitting((), f"{_count(other_work)} of this machine, but of another model or other data")
    return Fitting((), f"none of {_count(stored)} is of this machine" if stored else "there is none yet")


def keep(path: Path, into: Path, refresh: bool = False) -> Kept:
    """Store a result as a baseline; `refresh` takes away those that it replaces, as after a change that is meant.

    It replaces those of the same fingerprint, model and data that have no experiment which it has not. Raises
    ResultFileError, NoBaseline where nothing could be judged by it, and UsageError where it cannot be stored.
    """
    document = files.read(path)
    _require_fit(path, document)
    fingerprint, started = document.autoencoder_bench.fingerprint.sha256, document.datetime
    try:
        name = f"{datetime.fromisoformat(started).astimezone(UTC):%Y%m%dT%H%M%SZ}.json"
    except ValueError:
        raise ResultFileError(f"{path}: its `datetime` {started[:40]!r} is no time") from None
    if not re.fullmatch("[0-9a-f]{64}", fingerprint):
        raise ResultFileError(f"{path}: the hash of its fingerprint is none")
    folder = into / fingerprint[:_SHOWN]
    folders.require_writable(folder)
    new = stored_run.of_document(path, document)
    there = [run for run in load(folder) if (run.workload, run.data) == (new.workload, new.data)]
    again = next((run for run in there if len(stored_run.distinct([run, new])) == 1), None)
    if again and not _is_own(again, into):
        again = None
    target = again.path if again else _take(folder / name)
    files.write(document, target)
    others = [run for run in there if run is not again]
    # What lies behind a link is somebody's original, and stays.
    ours = [run for run in others if _is_own(run, into)]
    replaced = [run for run in ours if refresh and run.references.keys() <= new.references.keys()]
    for run in replaced:
        run.path.unlink()
    return Kept(target, 1 + len(others) - len(replaced), len(replaced))


def _take(path: Path) -> Path:
    """The path itself, or with a number where another machine of the kind measured in the same second.

    An empty file takes the place: between a look and the writing somebody else may have come.
    """
    for candidate in (path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, 1000))):
        try:
            candidate.touch(exist_ok=False)
        except FileExistsError:
            continue
        return candidate
    raise UsageError(f"{path.parent} has a thousand baselines of one second: clear it up.")


def _require_fit(path: Path, document: Document) -> None:
    section = document.autoencoder_bench
    failed = [case.name for one in section.experiments for case in one.cases if case.failure]
    checks = {one.name: aa_check.of(one).state for one in section.experiments}
    wrong = _unfit(checks)
    reason = None
    if section.status != "complete":
        reason = f"it is {section.status}"
    elif failed:
        reason = f"these cases have no speed: {', '.join(failed)}"
    elif wrong:
        reason = f"its A/A check did not pass, in {', '.join(wrong)}: nothing could be judged by it"
    if reason:
        raise NoBaseline(f"{path} is no baseline: {reason}. Measure again.")


def _is_own(run: Run, into: Path) -> bool:
    """Whether the file itself lies below the folder of baselines, and is not linked there."""
    return run.path.resolve().is_relative_to(into.resolve())


def _failed_checks(run: Run) -> list[str]:
    return _unfit(run.aa_checks)


def _unfit(checks: Mapping[str, aa_check.State]) -> list[str]:
    """The experiments by which nothing could be judged, with the reason."""
    return [f"{name}: {state}" for name, state in checks.items() if state in _UNFIT]


def _count(some: Sequence[Run]) -> str:
    return f"{len(some)} baseline{'s' if len(some) > 1 else ''}"
