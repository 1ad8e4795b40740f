"""All plots of a result: the speeds, and what its experiments are about."""

from pathlib import Path

from bench.experiments.base import Section
from bench.experiments.registry import EXPERIMENTS
from bench.output import bars, style
from bench.results.schema import Document


def save_all(document: Document, folder: Path) -> None:
    """Draw them into the folder, each named for what it shows; the speeds are those of the first experiment."""
    parts = [part for part in document.parts() if part.benchmarks]
    style.save(bars.draw_steps_per_second(parts[0]), folder / "steps_per_second.png")
    for part in parts:
        section = section_of(part)
        if section and (figure := section.draw(part)):
            style.save(figure, folder / f"{part.experiment.name}.png")


def section_of(document: Document) -> Section | None:
    """What the report shows of a document's one experiment; None where that has none, or is not known here."""
    experiment = EXPERIMENTS.get(document.experiment.name)
    return experiment.exhibit().section if experiment else None
