"""What takes long to make, made once for all processes that share a run's tests."""

import fcntl
import os
import pickle
from collections.abc import Callable
from typing import TypeVar

import pytest

Made = TypeVar("Made")


def made(name: str, make: Callable[[], Made], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What `make` returns, by whichever process comes first: the others wait for it, and read a copy."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return make()
    folder = tmp_path_factory.getbasetemp().parent  # that of the run, in which every process has its own
    kept = folder / f"{name}.pickle"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            found = make()
            new = folder / f"{name}.new"
            new.write_bytes(pickle.dumps(found))
            new.rename(kept)
            return found
        return pickle.loads(kept.read_bytes())
