"""All plots of a result: the speeds, what its experiments are about, and the loss of its training run."""

from pathlib import Path

import msgspec

from bench.experiments.base import Section
from bench.experiments.registry import EXPERIMENTS
from bench.output import bars, cells, style
from bench.report import environments, training
from bench.results.schema import Document


def save_all(document: Document, folder: Path) -> None:
    """Draw them into the run's `plots`, each named for what it shows; the speeds are those of the first experiment."""
    parts = [cases for part in document.parts() if (cases := environments.usual(cases_of(part))).benchmarks]
    if parts:
        style.save(bars.draw_steps_per_second(parts[0]), folder / "steps_per_second.png")
    for part in parts:
        section = section_of(part)
        if section and (figure := section.draw(part)):
            style.save(figure, folder / f"{part.experiment.name}.png")
    if losses := training.read_losses(folder.parent):
        style.save(training.draw(losses, style.origin(document)), folder / "loss.png")


def cases_of(document: Document) -> Document:
    """The same without A/A controls: what a plot or a table of cases is of. A control is no case to compare with."""
    return msgspec.structs.replace(document, benchmarks=tuple(cells.without_control(document)))


def section_of(document: Document) -> Section | None:
    """What the report shows of a document's one experiment; None where that has none, or is not known here."""
    experiment = EXPERIMENTS.get(document.experiment.name)
    return experiment.exhibit().section if experiment else None
