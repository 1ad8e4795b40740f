"""Units of named quantities: a name ends in one, and its value is in it, without a prefix."""

from collections.abc import Mapping

# What a value of that unit can be. Beyond, ratios would leave the range of numbers.
LEAST_SECONDS = 1e-12
MOST_SECONDS = 1e6
LEAST_RATE = 1.0  # operations or bytes per second of any device
MOST_RATE = 1e24
MOST_BYTES = 2**63

# By the end of a name: the least and the most.
RANGES: Mapping[str, tuple[float, float]] = {
    "_per_second": (LEAST_RATE, MOST_RATE),
    "_seconds": (LEAST_SECONDS, MOST_SECONDS),
    "_bytes": (0.0, float(MOST_BYTES)),
    "_count": (0.0, 1e18),
    "_share": (-1e6, 1e6),
    "_ratio": (1e-12, 1e12),
    "_loss": (1e-12, 1e12),  # of the workload's own kind
}


def range_of(name: str) -> tuple[float, float] | None:
    """What a quantity of this name can be, None where the name ends in no unit."""
    return next((ends for unit, ends in RANGES.items() if name.endswith(unit)), None)
