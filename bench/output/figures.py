"""How figures are written: three significant digits; [a, b] is an interval, (a-b) a range."""

from collections.abc import Callable

from bench.results.schema import Estimate

# Said once on every screen and page; brackets have no other meaning there.
NOTATION = (
    "x [a, b]: 95% confidence interval over repetitions, unless another percentage is named; there is none under 3 "
    "repetitions. x (a-b): median, with the lowest and the highest repetition or process. steps/s describe these "
    "minutes on this machine; for claims take the ratios, which are paired within rounds."
)

# The same for a screen, in fewer words.
LEGEND = (
    "[a, b]: 95% CI unless named; (a-b): range. Ratios are paired within rounds; steps/s hold for their table's rounds "
    "only."
)

LONGEST_NAME = 120
_ALL_DIGITS = 999.5  # from here on three of them would need an exponent


def multiple(value: float) -> str:
    """A ratio, as a multiple."""
    return f"{digits(value)}x"


def interval(estimate: Estimate) -> str:
    """The interval of a ratio; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{digits(estimate.low)}, {digits(estimate.high)}]"


def with_interval(estimate: Estimate, form: Callable[[float], str]) -> str:
    """A figure with its interval, or with a word where there is none; `form` writes each number."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{form(estimate.value)} (no interval)"
    return f"{form(estimate.value)} [{', '.join(form(end).removesuffix('x') for end in (estimate.low, estimate.high))}]"


def percent(share: Estimate) -> str:
    """A share with its interval, in percent."""
    assert share.value is not None
    if share.low is None or share.high is None:
        return f"{whole_percent(share.value)} (no interval)"
    ends = ", ".join(whole_percent(end).removesuffix("%") for end in (share.low, share.high))
    return f"{whole_percent(share.value)} [{ends}]"


def whole_percent(share: float) -> str:
    """A share in whole percent; what rounds to nothing has no sign."""
    text = f"{100 * share:.0f}%"
    return "0%" if text == "-0%" else text


def spread(low: float, high: float, form: Callable[[float], str]) -> str:
    """From the lowest to the highest."""
    return f"{form(low)}-{form(high)}"


def scaled(estimate: Estimate, factor: float = 1.0) -> str:
    """A figure times a factor, with its interval where there is one, in three significant digits; or a dash."""
    return with_interval(estimate, lambda value: digits(factor * value))


def milliseconds(rate: Estimate) -> str:
    """Of a step, by steps per second: those of the median, the fastest and the slowest repetition; or a dash."""
    if not rate.value:
        return "-"
    if not rate.low or not rate.high or rate.repetitions < 2:
        return f"{1e3 / rate.value:.2f}"
    return f"{1e3 / rate.value:.2f} ({spread(1e3 / rate.high, 1e3 / rate.low, lambda value: f'{value:.2f}')})"


def digits(value: float) -> str:
    """Three significant digits, zeros at the end included, since 8.20 says more than 8.2; all before the point."""
    return f"{value:,.0f}" if value >= _ALL_DIGITS else f"{value:#.3g}".rstrip(".")


def size(number: float | None) -> str:
    """Bytes in a unit that fits, in powers of 1,000; - for none."""
    if number is None:
        return "-"
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= least:
            return f"{number / least:#.3g}".rstrip(".") + f" {unit}"
    return f"{number:.0f} B"


def printable(text: str, longest: int = LONGEST_NAME) -> str:
    """A name as it may go to a terminal or a page: no control characters, not endless."""
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return clean if len(clean) <= longest else clean[:longest] + "..."
