"""Is it still the same model? Losses of the first batches, against eager's."""

import math
from collections.abc import Sequence

from bench.results.record import SameModel

CHECK_STEPS = 50  # beyond, rounding that Adam amplifies drowns what the check is for

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


def compare(losses: Losses, reference: Losses, kind: str, tf32: bool) -> SameModel:
    """Hold losses against the reference's, step by step; None is a loss that is no number, and never passes."""
    differences = [
        math.nan if loss is None or other is None else abs(loss - other) / abs(other)
        for loss, other in zip(losses, reference, strict=True)
    ]
    largest = max(differences) if all(math.isfinite(difference) for difference in differences) else None
    bound = limit(kind, tf32)
    return SameModel(
        steps=len(losses),
        tf32=tf32,
        largest_relative_difference=largest,
        limit=bound,
        passed=largest is not None and largest <= bound,
    )


def explain(mismatch: SameModel) -> str:
    """Say in a few words what a failed check found."""
    difference = mismatch.largest_relative_difference
    found = "not a number" if difference is None else f"{difference:.1e}"
    tf32 = "on" if mismatch.tf32 else "off"
    return f"losses differ from eager's by {found} (limit {mismatch.limit:.0e}, TF32 {tf32}): not the same model"
