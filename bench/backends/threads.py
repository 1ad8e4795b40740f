"""How many threads a framework may use: as many as TensorFlow would, so that all have the same."""

import os

_INTRA_OP = "TF_NUM_INTRAOP_THREADS"
_CHOSEN = {_INTRA_OP, "TF_NUM_INTEROP_THREADS"}


def are_chosen() -> bool:
    """Whether the user has said how many threads TensorFlow has: then a control group does not."""
    return bool(os.environ.keys() & _CHOSEN)


def wanted(allowed: int | None) -> int | None:
    """What the user chose for an operation of TensorFlow, else `allowed` by a control group; None without a limit."""
    if not are_chosen():
        return allowed
    chosen = os.environ.get(_INTRA_OP, "")
    return int(chosen) if chosen.isdigit() and int(chosen) > 0 else None


def of_machine() -> int:
    """Cores that this process may run on: what TensorFlow and JAX take where nothing limits them."""
    return len(os.sched_getaffinity(0))
