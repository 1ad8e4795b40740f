"""The experiment `batch`: both compiled modes over sizes of the batch, the notebook's always among them."""

from collections.abc import Sequence

from bench.experiments import batch_sizes
from bench.experiments.base import Exhibit, Experiment, Room
from bench.plan.case import USUAL_BATCH_SIZE, Axes, Case

_AXES = ("mode", "batch_size")
_MODES = ("function", "xla")
# Of a GPU's memory, for each row of the largest batch: all smaller ones have processes beside it, each mode its own.
_BYTES_A_ROW = 2.5 * batch_sizes.BYTES_A_ROW


def _cases(axes: Axes) -> Sequence[Case]:
    sizes = batch_sizes.chosen(axes, batch_sizes.CPU_SIZES)
    return [
        Case(experiment="batch", axes=_AXES, mode=str(mode), batch_size=size)
        for mode in axes.get("mode", _MODES)
        for size in sorted({USUAL_BATCH_SIZE, *sizes})
    ]


def _fit(axes: Axes, room: Room) -> Axes:
    if "batch_size" in axes or room.free_bytes is None:
        return axes
    return {**axes, "batch_size": batch_sizes.fitting(room.free_bytes, _BYTES_A_ROW)}


def _exhibit() -> Exhibit:
    from bench.experiments.batch import exhibit

    return exhibit.EXHIBIT


BATCH = Experiment(
    name="batch",
    question="How does the cost of a step grow with its batch?",
    axes=_AXES,
    cases=_cases,
    fit=_fit,
    exhibit=_exhibit,
)
