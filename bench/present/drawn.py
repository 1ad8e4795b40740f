"""All pictures of a result: the speeds, and what its experiments are about."""

from pathlib import Path

from bench.present import plots, plots_of_batch, plots_of_ceiling, plots_of_memory, plots_of_pipelines
from bench.results.schema import Document

_OF_EXPERIMENT = {
    "memory": plots_of_memory.save,
    "pipelines": plots_of_pipelines.save,
    "batch": plots_of_batch.save,
    "ceiling": plots_of_ceiling.save,
}


def save_all(document: Document, folder: Path) -> None:
    """Draw them into the folder, each named for what it shows; the speeds are those of the first experiment."""
    parts = [part for part in document.parts() if part.benchmarks]
    plots.save_steps_per_second(parts[0], folder / "steps_per_second.png")
    for part in parts:
        if draw := _OF_EXPERIMENT.get(part.experiment.name):
            draw(part, folder / f"{part.experiment.name}.png")
