"""One point to measure, by its axes and its name."""

from collections.abc import Iterable

import msgspec

from bench.plan import memory_policy

# How the cases of an experiment are named by what it varies; the others by their mode and pipeline.
_NAMES = {"memory": "{memory}/{mode}", "batch": "{mode}/{batch_size}", "ceiling": "{mode}"}

USUAL_BATCH_SIZE = 64  # the notebook's


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One point to measure. The axes are open names: what gives them meaning lives below the worker."""

    experiment: str
    mode: str
    pipeline: str
    batch_size: int = USUAL_BATCH_SIZE
    memory: str = "growth"  # on a GPU, where the default policy would give the card to the first worker
    twin: bool = False  # a second replicate of the same case in every cohort: the noise of the method

    @property
    def name(self) -> str:
        """The case's name inside its experiment, as `--only` matches it."""
        return self.measured_as + ("/twin" if self.twin else "")

    @property
    def full_name(self) -> str:
        """The name inside a result, where several experiments may have a case of the same name."""
        return f"{self.experiment}/{self.name}"

    @property
    def measured_as(self) -> str:
        """The name without the mark of the twin: cases of one such name do the same work."""
        return _NAMES.get(self.experiment, "{mode}/{pipeline}").format(**msgspec.structs.asdict(self))


def reference(cases: Iterable[Case]) -> Case:
    """The case that ratios are taken to, and which the twin repeats: tf.function on a resident batch.

    On a GPU with growth, as all experiments but `memory` run. Of cases on both, the one on the GPU.
    """
    found = [case for case in cases if is_reference(case) and not case.twin]
    return min(found, key=lambda case: case.memory == memory_policy.HOST)


def is_reference(case: Case) -> bool:
    """Whether ratios may be taken to this case, or its twin."""
    usual = (case.mode, case.pipeline, case.batch_size) == ("function", "resident", USUAL_BATCH_SIZE)
    return usual and case.memory in ("growth", memory_policy.HOST)
