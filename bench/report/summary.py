"""One screen about a result: findings, how far to trust them, tables, warnings, and what to do next."""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.experiments.registry import EXPERIMENTS
from bench.output import cells
from bench.output.command import written
from bench.output.figures import LEGEND, printable
from bench.output.grid import Compact, Grid
from bench.plan.preset import USUALLY_TAKES, longer_than
from bench.recording.folders import REPORT
from bench.report import environments, quality, shortcomings
from bench.report.findings import energy, findings_of
from bench.results.schema import Document

# In the names that processors give themselves.
_DECORATION = re.compile(r"\((?:R|TM)\)| Processor| CPU(?= @)")


def show(document: Document, folder: Path, console: Console) -> None:
    """Print the summary of a run, what to do next, and where its files are."""
    console.print(summary(document))
    lines = [*next_step(document), *whereabouts(folder)]
    console.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)


def summary(document: Document) -> RenderableType:
    """Everything that a screen says of a result; of one that is not complete, of what it has."""
    said = [*(sentence for part in document.parts() for sentence in findings_of(part)), *energy(document)]
    warned = [
        *shortcomings.failures(document),
        *shortcomings.warnings(document, but=shortcomings.SAID_OF_QUALITY),
        *_about_data(document),
    ]
    parts: list[RenderableType] = [Text(headline(document), style="bold")]
    parts += [_hanging(("-", sentence) for sentence in said)]
    parts += [Text(line) for line in quality.verdict(document)]
    parts += _tables(document)
    if warned:
        parts += [Text("Warnings", style="bold"), _hanging((f"{i}.", line) for i, line in enumerate(warned, 1))]
    return Group(*parts)


def so_far(document: Document) -> RenderableType:
    """What is known while a run goes on: its tables."""
    return Group(*_tables(document))


def headline(document: Document) -> str:
    """What was measured where, and how long that took."""
    section = document.autoencoder_bench
    parts = [
        f"autoencoder-bench {section.software.suite}",
        _DECORATION.sub("", printable(section.device.name)) + (", CPU" if section.device.kind == "cpu" else ""),
        f"TensorFlow {section.software.tensorflow}",
        section.plan.preset,
    ]
    if seconds := sum(section.time_spent.values()):
        parts.append(f"{seconds / 60:.1f} min measuring")
    return " | ".join(parts)


def next_step(document: Document) -> list[str]:
    """The command to go on with, where a longer one says more."""
    section = document.autoencoder_bench
    if section.pairing or not section.plan.command or not (longer := longer_than([section.plan.preset])):
        return []
    words = shlex.split(section.plan.command)
    if words[:2] != ["bench", "run"]:
        return []
    chosen = _without(words[2:], section.plan.preset, section.plan.seed, [one.name for one in section.experiments])
    takes = f"{USUALLY_TAKES[longer.name]}; " if not chosen else ""
    return [f"Next      {written('run', '--preset', longer.name, *chosen)}   ({takes}tighter intervals)"]


def _without(words: Sequence[str], preset: str, seed: int, experiments: Sequence[str]) -> list[str]:
    """The options of a run without those that it has anyway: preset, seed, and the experiments of the brief preset."""
    text = [" ".join(pair) for pair in pairwise(words)]
    usual = [f"--preset {preset}", f"--seed {seed}"]
    if list(experiments) == [name for name, one in EXPERIMENTS.items() if one.in_brief]:
        usual += [f"--experiment {name}" for name in experiments]
    left_out = {i + offset for i, pair in enumerate(text) if pair in usual for offset in (0, 1)}
    return [word for i, word in enumerate(words) if i not in left_out]


def whereabouts(folder: Path) -> list[str]:
    """Where the result and its report are, and what serves the profiles, as far as they are there."""
    report = folder / REPORT
    lines = [f"Report    {report}" if report.is_file() else f"Results   {folder}"]
    logs = folder / "tensorboard"
    if logs.is_dir() and any(logs.iterdir()):
        lines.append(f"Profiles  {written('tensorboard', str(folder))}")
    return lines


def table_of(document: Document) -> Grid:
    """The table of a document of one experiment; of one that is not known here, the speeds."""
    document, experiment = environments.usual(document), EXPERIMENTS.get(document.experiment.name)
    return experiment.exhibit().table(document) if experiment else cells.speeds(document)


def _tables(document: Document) -> list[RenderableType]:
    """One legend for all; where there are several, what noise cannot spoil is said in sentences, not in a table."""
    parts = [part for part in document.parts() if part.benchmarks]
    shown = [part for part in parts if len(parts) == 1 or quality.of_speed(part.experiment.name)]
    grids = [grid for part in shown for grid in (table_of(part), *environments.tables(part))]
    legend = [LEGEND, *_legend(grids)]
    return [Text(""), *map(Compact, grids), Text(" ".join(legend), style="dim")] if grids else []


def _legend(grids: Sequence[Grid]) -> Iterator[str]:
    """Each term once; with the table's name where two tables mean different things by it."""
    words = [(grid.title, f"{word}.") for grid in grids for word in grid.caption.removesuffix(".").split(". ") if word]
    meanings: dict[str, set[str]] = {}
    for _, word in words:
        meanings.setdefault(word.partition(":")[0], set()).add(word)
    named = (f"{title}, {word}" if len(meanings[word.partition(":")[0]]) > 1 else word for title, word in words)
    yield from dict.fromkeys(named)


def _about_data(document: Document) -> list[str]:
    data = document.autoencoder_bench.data
    return [f"Data: {printable(data.note, 300)}"] if data.note else []


def _hanging(lines: Iterable[tuple[str, str]]) -> RenderableType:
    """Lines that hang beside their numbers."""
    table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, line in lines:
        table.add_row(Text(number), Text(line))
    return table
