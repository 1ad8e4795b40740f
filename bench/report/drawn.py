"""All pictures of a result: the speeds, and what its experiments are about."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from bench.experiments.batch import picture as plots_of_batch
from bench.experiments.memory import picture as plots_of_memory
from bench.experiments.pipelines import picture as plots_of_pipelines
from bench.experiments.roofline import picture as plots_of_ceiling
from bench.output import bars, style
from bench.results.schema import Document

# What a document of one experiment is about; None where nothing of that is known.
OF_EXPERIMENT: dict[str, Callable[[Document], Figure | None]] = {
    "memory": plots_of_memory.draw,
    "pipelines": plots_of_pipelines.draw,
    "batch": plots_of_batch.draw,
    "ceiling": plots_of_ceiling.draw,
}


def save_all(document: Document, folder: Path) -> None:
    """Draw them into the folder, each named for what it shows; the speeds are those of the first experiment."""
    parts = [part for part in document.parts() if part.benchmarks]
    style.save(bars.draw_steps_per_second(parts[0]), folder / "steps_per_second.png")
    for part in parts:
        draw = OF_EXPERIMENT.get(part.experiment.name)
        if draw and (figure := draw(part)):
            style.save(figure, folder / f"{part.experiment.name}.png")
