"""One screen about a result: a table of the cases of each experiment, then findings."""

import shlex
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from bench.experiments.registry import EXPERIMENTS
from bench.output import cells
from bench.output import grid as grids
from bench.output.figures import NOTATION
from bench.output.grid import Grid
from bench.recording.folders import REPORT
from bench.report.findings import findings
from bench.results.schema import Benchmark, Document, ExperimentRecord


def show(document: Document, folder: Path, console: Console) -> None:
    """Print the summary of a run and where its files are."""
    console.print(summary(document), crop=False)
    lines = [f"Results: {folder}", *whereabouts(folder)]
    console.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)


def whereabouts(folder: Path) -> list[str]:
    """Where the report is, and what serves the profiles, as far as they are there."""
    lines = [f"Report: {folder / REPORT}"] if (folder / REPORT).is_file() else []
    if any((folder / "tensorboard").iterdir()):
        lines.append(f"TensorBoard: {shlex.join(['bench', 'tensorboard', str(folder)])}")
    return lines


def summary(document: Document) -> RenderableType:
    """Tables, failures, findings."""
    parts: list[RenderableType] = [grids.rich(table_of(part)) for part in document.parts() if part.benchmarks]
    parts += [Text(NOTATION), Text("")]
    parts += [Text(line) for line in shortcomings(document)]
    parts += [Text(f"- {sentence}") for sentence in findings(document)]
    return Group(*parts)


def table_of(document: Document) -> Grid:
    """The table of a document of one experiment; of one that is not known here, the speeds."""
    experiment = EXPERIMENTS.get(document.experiment.name)
    return experiment.exhibit().table(document) if experiment else cells.speeds(document)


def shortcomings(document: Document) -> list[str]:
    """What the run was asked for and does not have, a line each."""
    section = document.autoencoder_bench
    lines = []
    if section.status == "interrupted":
        saved = "; what was measured is saved." if document.benchmarks else " before the first repetition was done."
        lines.append(f"Interrupted{saved}")
    if section.status_reason:
        counts = [
            f"{len(one.repetitions)} of at most {one.preset.looks[-1]} of {one.name}" for one in section.experiments
        ]
        lines.append(f"Ended with repetitions: {', '.join(counts)}. {section.status_reason}")
    several = len(section.experiments) > 1
    lines += [line for experiment in section.experiments for line in _not_measured(experiment, several)]
    lines += [line for benchmark in document.benchmarks for line in _missing_parts(benchmark)]
    if section.training_reason:
        lines.append(f"The training run failed: {section.training_reason}")
    for warning in section.warnings:
        of_experiment = f" ({warning.experiment})" if several and warning.experiment else ""
        lines.append(f"Warning{of_experiment}: {warning.text} {warning.advice}")
    return lines


def _not_measured(experiment: ExperimentRecord, named: bool) -> list[str]:
    """The cases of an experiment that have no speed, with the reason."""
    before = f"{experiment.name}/" if named else ""
    lines = [
        f"{before}{case.name}: {case.failure.status}: {case.failure.reason} (log: {case.failure.log})"
        for case in experiment.cases
        if case.failure is not None
    ]
    skipped: dict[str, list[str]] = {}
    for case in experiment.cases:
        if case.skipped is not None:
            skipped.setdefault(case.skipped, []).append(before + case.name)
    lines += [f"Skipped: {', '.join(names)}: {reason}." for reason, names in skipped.items()]
    unfinished = [before + case.name for case in experiment.cases if case.status == "unfinished"]
    if unfinished:
        lines.append(f"Not measured: {', '.join(unfinished)}")
    return lines


def _missing_parts(benchmark: Benchmark) -> list[str]:
    """What else is missing of a case that has a speed."""
    info, name = benchmark.extra_info, benchmark.fullname
    lines = []
    if not info.same_model:
        lines.append(f"{name}: not checked against eager: {info.same_model_reason}")
    if info.latency_reason and info.sample_size.steps_per_call == 1:  # there is none of a single step in a loop
        lines.append(f"{name}: no latency: {info.latency_reason}")
    if info.profile and info.profile.status == "failed":
        lines.append(f"{name}: the profile failed: {info.profile.reason}")
    return lines
