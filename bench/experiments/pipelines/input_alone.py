"""What an input pipeline delivers where nobody computes: as a result holds it, and as a rate."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results.record import Quantities
from bench.results.units import LEAST_RATE, MOST_RATE

INPUT_ALONE = "input_alone"


@dataclass(frozen=True)
class InputAlone:
    """Batches taken in one repetition, in so many seconds."""

    repetition: int
    batches_count: float
    elapsed_seconds: float

    @property
    def batches_per_second(self) -> float:
        """The rate."""
        return self.batches_count / self.elapsed_seconds


def read(quantities: Sequence[Quantities]) -> tuple[InputAlone, ...]:
    """What is there of it, repetition by repetition; what a foreign file has incomplete is left out."""
    return tuple(
        InputAlone(one.repetition, batches, seconds)
        for one in quantities
        if one.name == INPUT_ALONE
        if (batches := one.values.get("batches_count")) and (seconds := one.values.get("elapsed_seconds"))
        if LEAST_RATE <= batches / seconds <= MOST_RATE
    )
