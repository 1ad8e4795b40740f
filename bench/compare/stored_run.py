"""One result file as comparing sees it: ours or pytest-benchmark's own, small enough for a thousand of them."""

import hashlib
import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.errors import ResultFileError
from bench.output.figures import LONGEST_NAME, printable
from bench.results import aa_check, estimates, files
from bench.results.estimates import first_call_seconds
from bench.results.foreign import ForeignDocument
from bench.results.record import ProcessRecord
from bench.results.schema import Benchmark, Document, Pairing
from bench.results.units import LEAST_SECONDS, MOST_SECONDS

Value = str | int | float | None

_HASH = 8  # letters of the hash of a name that cannot be shown as it is


@dataclass(frozen=True)
class Measured:
    """A case that was measured; a file of other tools has no processes, only a median in seconds."""

    axes: Mapping[str, Any]
    processes: tuple[ProcessRecord, ...]
    median_seconds: float

    @cached_property
    def levels(self) -> dict[int, float]:
        """For each repetition, the logarithm of the median of its seconds per step."""
        return {process.repetition: math.log(median(process.seconds_per_step)) for process in self.processes}

    @cached_property
    def first_calls(self) -> dict[int, float]:
        """For each repetition, the logarithm of the seconds of its first call."""
        return {process.repetition: math.log(first_call_seconds(process)) for process in self.processes}

    @cached_property
    def memory(self) -> dict[int, float]:
        """For each repetition, the logarithm of the host's peak memory in bytes, where that is known."""
        return {r.repetition: math.log(r.host_peak_rss_bytes) for r in self.processes if r.host_peak_rss_bytes}

    @cached_property
    def gpu_memory(self) -> dict[int, float]:
        """For each repetition, the logarithm of the bytes that the process used of a GPU, where that is known."""
        found = ((r.repetition, r.device_memory.nvml_used_bytes) for r in self.processes if r.device_memory)
        return {repetition: math.log(lost) for repetition, lost in found if lost}

    @cached_property
    def steps_per_second(self) -> float:
        """Throughput, as the summary of a run shows it: the median over repetitions."""
        levels = self.levels.values()
        return median(math.exp(-level) for level in levels) if levels else 1 / self.median_seconds

    @property
    def range_of_steps_per_second(self) -> tuple[float, float] | None:
        """The lowest and the highest repetition's; None for a file of another tool."""
        levels = self.levels.values()
        return (math.exp(-max(levels)), math.exp(-min(levels))) if levels else None


@dataclass(frozen=True)
class Run:
    """A result. Names are made printable: they come from files of anywhere."""

    path: Path
    label: str
    device: str
    datetime: str
    status: str
    preset: str | None  # None: a file of another tool has none
    hardware: Mapping[str, Value]
    software: Mapping[str, Value]
    fingerprint: str | None
    workload: str | None  # None: a file of another tool does not say
    data: str | None
    pairing: Pairing | None
    references: Mapping[str, str]  # of each experiment, all with full names
    cases: Mapping[str, Measured]
    without_ratio: Mapping[str, str]  # cases of a time that no ratio can be made of, with the reason
    failed: Mapping[str, str]  # cases that were asked for and not measured, with the reason
    aa_checks: Mapping[str, aa_check.State]  # by experiment
    final_loss: float | None
    commit: str | None

    @cached_property
    def logs_to_reference(self) -> dict[str, dict[int, float]]:
        """Of each case, by repetition, the median within-round log ratio to the reference; nothing without one."""
        found = {}
        for name, case in self.cases.items():
            if reference := self.cases.get(self.references.get(experiment_of(name), "")):
                found[name] = estimates.repetition_logs(case.processes, reference.processes)
        return found


def load(path: Path) -> Run:
    """The result in `path`, or in the folder `path`. Raises ResultFileError."""
    if path.is_dir() and (path / "result.json").is_file():
        path = path / "result.json"
    document = files.read_any(path)
    return _foreign(path, document) if isinstance(document, ForeignDocument) else of_document(path, document)


def load_all(paths: Sequence[Path]) -> list[Run]:
    """All results, in this order, with labels of their own. Raises ResultFileError."""
    return with_labels_of_their_own([load(path) for path in paths])


def with_labels_of_their_own(some: Sequence[Run]) -> list[Run]:
    """The same runs; where two have the same label, the later ones get a number."""
    theirs = {run.label for run in some}
    taken: set[str] = set()
    found = []
    for run in some:
        label = run.label
        numbers = itertools.count(2)
        while label in taken or (label != run.label and label in theirs):
            label = f"{run.label} ({next(numbers)})"
        taken.add(label)
        found.append(run if label == run.label else replace(run, label=label))
    return found


def distinct(some: Sequence[Run]) -> list[Run]:
    """The same runs without copies of one that is there already, as a baseline is of the run it was."""
    found: dict[object, Run] = {}
    for run in some:
        speeds = tuple((name, case.steps_per_second) for name, case in run.cases.items())
        side = run.pairing.side if run.pairing else None
        found.setdefault((run.datetime, run.fingerprint, side, speeds), run)
    return list(found.values())


def of_document(path: Path, document: Document) -> Run:
    """A result of this suite."""
    section = document.autoencoder_bench
    pairing, fingerprint = section.pairing, section.fingerprint
    return Run(
        path=path,
        label=printable(pairing.label if pairing else section.plan.label or _label_of(path)),
        device=printable(section.device.name),
        datetime=printable(document.datetime),
        status=section.status,
        preset=printable(section.plan.preset),
        hardware=_printable_values(fingerprint.hardware),
        software=_printable_values(fingerprint.software),
        fingerprint=fingerprint.sha256,
        workload=section.workload.sha256,
        data=section.data.sha256,
        pairing=pairing,
        references={printable(one.name): key_of(f"{one.name}/{one.reference}") for one in section.experiments},
        cases={key_of(b.fullname): _measured(b) for b in document.benchmarks if not b.extra_info.case.control},
        without_ratio={},
        failed={
            key_of(f"{one.name}/{case.name}"): f"{case.status}: {printable(case.failure.reason)}"
            if case.failure
            else case.status
            for one in section.experiments
            for case in one.cases
            if case.status not in ("measured", "skipped") and not case.name.endswith("/control")
        },
        aa_checks={printable(one.name): aa_check.of(one).state for one in section.experiments},
        final_loss=section.training.final_loss if section.training else None,
        commit=_commit(document.commit_info),
    )


def experiment_of(name: str) -> str:
    """The experiment in a case's full name."""
    return name.partition("/")[0]


def key_of(name: str) -> str:
    """A case's name as it may be shown, which still tells it from every other: what is cut or replaced has a hash."""
    shown = printable(name)
    if shown == name:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_HASH]
    return f"{printable(name, LONGEST_NAME - _HASH - 4)} #{digest}"


def _has_ratio(seconds: float) -> bool:
    return LEAST_SECONDS <= seconds <= MOST_SECONDS


def _measured(benchmark: Benchmark) -> Measured:
    axes = msgspec.structs.asdict(benchmark.extra_info.case)
    return Measured(axes, estimates.processes_of(benchmark), benchmark.stats.median)


def _foreign(path: Path, document: ForeignDocument) -> Run:
    cpu = document.machine_info.get("cpu")
    cpu = cpu if isinstance(cpu, dict) else {}
    facts = {
        "hardware": {"gpu": None, "cpu": cpu.get("brand_raw"), "cores": cpu.get("count")},
        "software": {name: document.machine_info.get(name) for name in ("python_version", "system", "release")},
    }
    counts = Counter(benchmark.fullname for benchmark in document.benchmarks)
    if twice := next((name for name, count in counts.items() if count > 1), None):
        raise ResultFileError(f"{path}: expected each name once, found {printable(twice)!r} {counts[twice]} times")
    medians = {key_of(benchmark.fullname): benchmark.stats.median for benchmark in document.benchmarks}
    return Run(
        path=path,
        label=printable(_label_of(path)),
        device=printable(str(cpu.get("brand_raw") or "unknown device")),
        datetime=printable(document.datetime),
        status="complete",
        preset=None,
        hardware=_printable_values(facts["hardware"]),
        software=_printable_values(facts["software"]),
        fingerprint=None,
        workload=None,
        data=None,
        pairing=None,
        references={},
        cases={name: Measured({}, (), seconds) for name, seconds in medians.items() if _has_ratio(seconds)},
        without_ratio={
            name: f"a median of {seconds} s has no ratio"
            for name, seconds in medians.items()
            if not _has_ratio(seconds)
        },
        failed={},
        aa_checks={},
        final_loss=None,
        commit=None,
    )


def _label_of(path: Path) -> str:
    """The run's folder, or else the file's name."""
    return path.parent.name if path.name == "result.json" and path.parent.name else path.stem


def _commit(info: Mapping[str, Any]) -> str | None:
    commit = info.get("id")
    if not isinstance(commit, str) or not re.fullmatch("[0-9a-f]{7,64}", commit):
        return None
    return commit[:12] + ("+" if info.get("dirty") else "")


def _printable_values(values: Mapping[str, Any]) -> dict[str, Value]:
    return {
        printable(name): value if isinstance(value, int | float | None) else printable(str(value))
        for name, value in values.items()
    }
