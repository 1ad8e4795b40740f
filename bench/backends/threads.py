"""How many threads a framework may use: as many as TensorFlow would, so that all have the same."""

import os

_CHOSEN = "TF_NUM_INTRAOP_THREADS"


def wanted(allowed: int | None) -> int | None:
    """What the user chose for TensorFlow, else `allowed` by a control group; None where nothing limits them."""
    chosen = os.environ.get(_CHOSEN, "")
    return int(chosen) if chosen.isdigit() and int(chosen) > 0 else allowed


def of_machine() -> int:
    """Cores that this process may run on: what TensorFlow and JAX take where nothing limits them."""
    return len(os.sched_getaffinity(0))
