"""The batches of a device: which sizes are measured on a CPU, and on a GPU as far as its memory goes."""

from collections.abc import Iterable

from bench.errors import UsageError
from bench.plan.case import Axes

CPU_SIZES = (16, 64, 256, 1_024, 4_096)
# A large GPU computes thousands of rows in the time of launching a step's kernels: sizes go on until arithmetic shows.
GPU_SIZES = (*CPU_SIZES, 16_384, 65_536, 262_144)
MOST_EXAMPLES = 262_144
# Of a GPU's memory, for each row of a batch in one process: 1,888 activations, as many gradients and the input, in
# float32; and twice that, since an allocator that grows doubles its regions (docs/experiments/batch.md).
BYTES_A_ROW = 36_000


def chosen(axes: Axes, usual: Iterable[int]) -> list[int]:
    """The sizes that were chosen, or the usual ones. Raises UsageError for one that no batch has."""
    sizes = [int(size) for size in axes.get("batch_size", usual)]
    if wrong := [size for size in sizes if not 1 <= size <= MOST_EXAMPLES]:
        raise UsageError(f"--axis batch_size={wrong[0]}: a batch has 1 to {MOST_EXAMPLES:,} examples.")
    return sizes


def fitting(free_bytes: int | None, bytes_a_row: float) -> tuple[int, ...]:
    """The sizes for a GPU with so much memory free: as large as fit, a CPU's at least; for None a CPU's.

    Each row of the largest takes `bytes_a_row`, with all that is measured at the same time.
    """
    if free_bytes is None:
        return CPU_SIZES
    return tuple(size for size in GPU_SIZES if size in CPU_SIZES or size * bytes_a_row <= free_bytes)
