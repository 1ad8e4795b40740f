"""The GPU around samples: readings just before and just after each, put into the form they are recorded in."""

from collections.abc import Sequence

from bench.machine.nvml import Reading
from bench.results.record import SampleTelemetry

Pair = tuple[Reading, Reading]


def of_samples(pairs: Sequence[Pair]) -> SampleTelemetry | None:
    """The record of some samples, in their order; None where there is no GPU, or it says nothing at all."""
    if all(value is None for pair in pairs for reading in pair for value in reading):
        return None
    return SampleTelemetry(
        sm_hertz=tuple((before.sm_hertz, after.sm_hertz) for before, after in pairs),
        celsius=tuple((before.celsius, after.celsius) for before, after in pairs),
        throttle_bits=tuple(throttle_bits([pair]) for pair in pairs),
    )


def throttle_bits(pairs: Sequence[Pair]) -> int | None:
    """All that throttled the GPU around these samples, as NVML's bits; None where it does not say."""
    known = [reading.throttle_bits for pair in pairs for reading in pair if reading.throttle_bits is not None]
    found = 0
    for bits in known:
        found |= bits
    return found if known else None
