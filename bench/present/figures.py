"""How figures are written: ratios in three significant digits, with their intervals."""

from bench.results.schema import Estimate

_ALL_DIGITS = 999.5  # from here on three of them would need an exponent


def multiple(value: float) -> str:
    """A ratio, as a multiple."""
    return f"{_digits(value)}x"


def interval(estimate: Estimate) -> str:
    """The interval of a ratio; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{_digits(estimate.low)}, {_digits(estimate.high)}]"


def scaled(estimate: Estimate, factor: float = 1.0) -> str:
    """A figure times a factor, with its interval where there is one, in three significant digits; or a dash."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return _digits(factor * estimate.value)
    return f"{_digits(factor * estimate.value)} [{_digits(factor * estimate.low)}, {_digits(factor * estimate.high)}]"


def milliseconds(rate: Estimate) -> str:
    """Of a step, by steps per second: those of the median, the fastest and the slowest cohort; or a dash."""
    if not rate.value:
        return "-"
    if not rate.low or not rate.high or rate.cohorts < 2:
        return f"{1e3 / rate.value:.2f}"
    return f"{1e3 / rate.value:.2f} [{1e3 / rate.high:.2f}, {1e3 / rate.low:.2f}]"


def _digits(value: float) -> str:
    """Three significant digits, zeros at the end included, since 8.20 says more than 8.2; all before the point."""
    return f"{value:,.0f}" if value >= _ALL_DIGITS else f"{value:#.3g}".rstrip(".")
