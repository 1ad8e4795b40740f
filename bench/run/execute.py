"""One run from its options to its folder, in four phases: plan, preflight, measure, artifacts."""

import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, ExitCode, Interrupted, worst
from bench.launch.followers import Job
from bench.machine import affinity, interrupts
from bench.measure.entry import BASE, NEW
from bench.measure.session import Session
from bench.output.progress import View
from bench.recording import folders
from bench.results.schema import Document, Status
from bench.run import job
from bench.run.artifacts import finish
from bench.run.options import Options
from bench.run.plan import plan
from bench.run.preflight import Ready, preflight


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its folder, the document in it, that of the base side if there is one, the exit code.

    Where it was of several ranks, whoever has shown it ends the `job`.
    """

    folder: Path
    document: Document
    base: Document | None
    exit_code: ExitCode
    job: Job | None = None


def run(options: Options, view: View) -> Outcome:
    """Measure what was asked for and leave a run folder, also when interrupted.

    Raises UsageError before anything is measured where the options, the device or the data are at fault, BenchError
    where measuring fails before the first repetition is done, and Interrupted where a signal comes before measuring.
    """
    with interrupts.raised_as_interrupted():
        ready = preflight(options, plan(options), view)
        with job.told(ready.job):
            return _finish(ready, _measure(ready, view), view)


@dataclass(frozen=True)
class _Ended:
    """How measuring ended, and why it did not come to its end."""

    status: Status
    reason: str | None = None


def _measure(ready: Ready, view: View) -> _Ended:
    """Measure until it is enough, is interrupted or fails; raises what went wrong before a repetition was done."""
    session = Session(ready.experiments, ready.settings, ready.launches, ready.recorders, ready.profile, view)
    try:
        with affinity.bound(ready.cores):
            try:
                session.measure()
            finally:
                session.close()
    except Interrupted as interrupt:
        return _Ended("interrupted", interrupt.reason)
    except Exception as error:  # whatever it is: what was measured is saved, finished and said
        if not ready.recorders[NEW].has_measured:
            raise
        if isinstance(error, BenchError):
            return _Ended("failed", str(error))
        if not isinstance(error, OSError):
            (ready.folder / "logs" / "error.log").write_text(traceback.format_exc(), errors="replace")
        return _Ended("failed", f"{type(error).__name__}: {error}")
    finally:
        folders.give_up_reserve(ready.folder)
    return _Ended("complete")


def _finish(ready: Ready, ended: _Ended, view: View) -> Outcome:
    with interrupts.ignored():
        finished = finish(ready.recorders, ready.folder, ended.status, ended.reason, view)
        with suppress(OSError):  # which run is the newest is no part of it
            folders.set_latest(ready.folder)
    document = finished.documents[NEW]
    exit_code = worst([_exit_code(document), ExitCode.OK if finished.whole else ExitCode.FAILED])
    return Outcome(ready.folder, document, finished.documents.get(BASE), exit_code, ready.job)


def _exit_code(document: Document) -> ExitCode:
    section = document.autoencoder_bench
    if section.status == "interrupted":
        return ExitCode.INTERRUPTED
    states = [case.status for experiment in section.experiments for case in experiment.cases]
    measured = all(status in ("measured", "skipped") for status in states) and section.training is not None
    checked = all(benchmark.extra_info.same_model for benchmark in document.benchmarks)
    return ExitCode.OK if measured and checked and section.status == "complete" else ExitCode.FAILED
