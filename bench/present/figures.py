"""How figures are written: ratios in three significant digits, with their intervals."""

from bench.results.schema import Estimate


def multiple(value: float) -> str:
    """A ratio, as a multiple."""
    return f"{_digits(value)}x"


def interval(estimate: Estimate) -> str:
    """The interval of a ratio; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{_digits(estimate.low)}, {_digits(estimate.high)}]"


def _digits(value: float) -> str:
    """Three significant digits, zeros at the end included: 8.20 says more than 8.2."""
    return f"{value:#.3g}".rstrip(".")
