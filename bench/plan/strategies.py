"""How several devices share a step: the names of the strategies, and how many processes and devices each takes."""

from typing import Protocol

SINGLE = "single"  # one device, without tf.distribute
MIRRORED = "mirrored"  # tf.distribute.MirroredStrategy: the devices of one process, each with a copy of the model
MULTI_WORKER = "multi-worker"  # tf.distribute.MultiWorkerMirroredStrategy: as many processes (ranks), a device each


class Shared(Protocol):
    """Whatever says by which strategy how many devices share a step."""

    @property
    def strategy(self) -> str:
        """One of the names above."""

    @property
    def devices(self) -> int:
        """In all processes together."""


def ranks(case: Shared) -> int:
    """How many processes do a case together."""
    return case.devices if case.strategy == MULTI_WORKER else 1


def devices_of_a_rank(case: Shared) -> int:
    """How many devices each of them has."""
    return case.devices // ranks(case)
