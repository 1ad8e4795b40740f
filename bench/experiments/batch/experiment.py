"""The experiment `batch`: both compiled modes over sizes of the batch, the notebook's always among them."""

from collections.abc import Sequence

from bench.errors import UsageError
from bench.experiments.base import Exhibit, Experiment, Room
from bench.plan.case import USUAL_BATCH_SIZE, Axes, Case

_AXES = ("mode", "batch_size")
_MODES = ("function", "xla")
BATCH_SIZES = (16, 64, 256, 1_024, 4_096)
# A large GPU computes thousands of rows in the time of launching a step's kernels: sizes go on until arithmetic shows.
GPU_BATCH_SIZES = (*BATCH_SIZES, 16_384, 65_536, 262_144)
MOST_EXAMPLES = 262_144
# Of a GPU's memory, for each row of the largest batch: all smaller ones have processes beside it, each mode its own.
# By arithmetic, and twice, since an allocator that grows doubles its regions (docs/experiments/batch.md).
_BYTES_A_ROW = 90_000


def _cases(axes: Axes) -> Sequence[Case]:
    sizes = [int(size) for size in axes.get("batch_size", BATCH_SIZES)]
    if wrong := [size for size in sizes if not 1 <= size <= MOST_EXAMPLES]:
        raise UsageError(f"--axis batch_size={wrong[0]}: a batch has 1 to {MOST_EXAMPLES:,} examples.")
    return [
        Case(experiment="batch", axes=_AXES, mode=str(mode), batch_size=size)
        for mode in axes.get("mode", _MODES)
        for size in sorted({USUAL_BATCH_SIZE, *sizes})
    ]


def batch_sizes(free_bytes: int) -> tuple[int, ...]:
    """The sizes for a GPU with so much memory free: as large as fit, a CPU's at least."""
    return tuple(size for size in GPU_BATCH_SIZES if size in BATCH_SIZES or size * _BYTES_A_ROW <= free_bytes)


def _fit(axes: Axes, room: Room) -> Axes:
    if "batch_size" in axes or room.free_bytes is None:
        return axes
    return {**axes, "batch_size": batch_sizes(room.free_bytes)}


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
