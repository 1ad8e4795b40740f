"""The experiments, a line each."""

from collections.abc import Mapping

from bench.experiments.base import Experiment
from bench.experiments.batch.experiment import BATCH
from bench.experiments.frameworks.experiment import FRAMEWORKS
from bench.experiments.memory.experiment import MEMORY
from bench.experiments.modes.experiment import MODES
from bench.experiments.pipelines.experiment import PIPELINES
from bench.experiments.precision.experiment import PRECISION
from bench.experiments.roofline.experiment import ROOFLINE
from bench.experiments.scaling.experiment import SCALING
from bench.plan.preset import BRIEF_PRESET, PRESETS

# In the order in which they are measured and shown; of the first are the speeds that a plot shows.
EXPERIMENTS: Mapping[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        MODES,
        PIPELINES,
        MEMORY,
        BATCH,
        ROOFLINE,
        SCALING,
        FRAMEWORKS,
        PRECISION,
    )
}


def usual_experiments(preset: str, side_by_side: bool = False) -> tuple[str, ...]:
    """The experiments of a preset where none is named; side by side it is a gate, and asks the first question alone."""
    if side_by_side or preset not in PRESETS:
        return tuple(EXPERIMENTS)[:1]
    usual = {name: one for name, one in EXPERIMENTS.items() if not one.on_request}
    return tuple(name for name, one in usual.items() if one.in_brief or preset != BRIEF_PRESET)
