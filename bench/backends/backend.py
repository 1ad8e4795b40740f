"""What a framework has to offer to be measured: each is a folder beside this file, found by its name."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.plan.workload import Dataset
from bench.protocol import Message

USUAL = "tensorflow"
STEPS_PER_CALL = 25  # of a loop in one call; divides the steps on which every case is checked to be the same model


@dataclass(frozen=True, kw_only=True)
class Backend:
    """The functions of one framework that server and worker call, and what it answers to each request.

    A server prepares the data once for all its workers; a worker's state is made of that, and handed to every handler.
    """

    prepare: Callable[[Dataset], Any]
    why_not_fork: Callable[[], str | None]  # None where a process that has imported it may be forked
    limit_threads: Callable[[int | None], None]
    state: Callable[[Any], Any]
    handlers: Mapping[type[Message], Callable[[Any, Any], Message]]
    out_of_memory: tuple[type[Exception], ...]


def load(name: str = USUAL) -> Backend:
    """The backend of this name; imports the framework."""
    found: Backend = importlib.import_module(f"bench.backends.{name}.backend").BACKEND
    return found
