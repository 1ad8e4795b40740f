"""Is it still the same model? Losses of the first batches, against eager's."""

import math
from collections.abc import Sequence

from bench.results.record import SameModel

CHECK_STEPS = 50  # beyond, rounding that Adam amplifies drowns what the check is for
# Batches of a check come from the host, hundreds of megabytes each where they are large: of those a few have to do.
LARGE_BATCH, CHECK_STEPS_OF_LARGE = 4_096, 10


def check_steps(batch_size: int) -> int:
    """How many first steps on batches of this size are held against eager's."""
    return CHECK_STEPS if batch_size <= LARGE_BATCH else CHECK_STEPS_OF_LARGE


Losses = Sequence[float | None]

# Largest relative difference of 50 losses. Seen on a CPU: 4e-7; emulated TF32: up to 2e-4. A step that is another
# model differs at once, by orders of magnitude.
CPU_LIMIT = 1e-5
GPU_LIMIT = 1e-4
TF32_LIMIT = 1e-2


def limit(kind: str, tf32: bool) -> float:
    """The largest relative difference that passes, on a device of this kind with TF32 on or off."""
    if kind == "cpu":
        return CPU_LIMIT
    return TF32_LIMIT if tf32 else GPU_LIMIT


def compare(
    losses: Losses,
    reference: Losses,
    kind: str,
    tf32: bool,
    mean_of: int = 1,
    judged: bool = True,
) -> SameModel:
    """Hold losses against the reference's, step by step; None is a loss that is no number, and never passes.

    Of what is another model on purpose (`judged` is false) the difference is reported, without a limit.
    Where losses are means of `mean_of` steps each, they are held against the same means of the reference's.
    """
    differences = [
        math.nan if loss is None or other is None else abs(loss - other) / abs(other)
        for loss, other in zip(losses, _means(reference, mean_of), strict=True)
    ]
    largest = max(differences) if all(math.isfinite(difference) for difference in differences) else None
    bound = limit(kind, tf32) if judged else None
    return SameModel(
        steps=len(reference),
        tf32=tf32,
        largest_relative_difference=largest,
        limit=bound,
        passed=False if largest is None else None if bound is None else largest <= bound,
        last_loss=losses[-1] if losses else None,
    )


def _means(losses: Losses, of: int) -> list[float | None]:
    groups = [losses[i : i + of] for i in range(0, len(losses), of)]
    return [None if None in group else math.fsum(loss for loss in group if loss is not None) / of for group in groups]


def explain(mismatch: SameModel) -> str:
    """Say in a few words what a failed check found."""
    difference = mismatch.largest_relative_difference
    tf32 = "on" if mismatch.tf32 else "off"
    if mismatch.limit is None:
        return "a loss is not a number: nothing is trained"
    found = "not a number" if difference is None else f"{difference:.1e}"
    return f"losses differ from eager's by {found} (limit {mismatch.limit:.0e}, TF32 {tf32}): not the same model"
