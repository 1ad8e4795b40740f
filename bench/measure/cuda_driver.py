"""Placeholder."""

from collections.abc import Sequence

from bench.results.driver_record import DriverLimits


def measure(sizes: Sequence[int]) -> DriverLimits | str:
    """Stub."""
    return "stub"
