"""The fastest of several cases in a sentence, or those among which that is open; for experiments that look for one."""

from collections.abc import Callable

from bench.output.figures import spread, with_interval
from bench.results.claims import Leaders
from bench.results.schema import Benchmark


def fastest(what: str, leaders: Leaders, told: Callable[[str], str]) -> str:
    """The fastest of some cases where every other is slower; else those among which that is open.

    `told` says a case's name and speed.
    """
    tried = 1 + len(leaders.rivals) + len(leaders.slower)
    if tried == 1:
        return f"{what}: {told(leaders.first)}, the only one measured."
    slower = {0: "", 1: "; the other is slower"}.get(
        len(leaders.slower), f"; the other {len(leaders.slower)} are slower"
    )
    if not leaders.rivals:
        return f"{what}: {told(leaders.first)}{slower}{family(leaders)}."
    near = [
        f"{name} ({with_interval(ratio, lambda value: f'{value:.2f}x')} its time)"
        for name, ratio in leaders.rivals.items()
    ]
    return f"{what}: inconclusive between {told(leaders.first)} and {', '.join(near)}{slower}{family(leaders)}."


def family(leaders: Leaders) -> str:
    """Of which percentage the intervals are, where more than two cases were tried together."""
    tried = 1 + len(leaders.rivals) + len(leaders.slower)
    return f" ({100 * leaders.confidence:.4g}% intervals, since {tried} were tried)" if tried > 2 else ""


def with_rate(benchmark: Benchmark) -> str:
    """A case's name with its steps per second, and their lowest and highest repetition."""
    rate = benchmark.extra_info.steps_per_second
    assert rate.value is not None
    ends = ""
    if rate.low is not None and rate.high is not None and rate.repetitions > 1:
        ends = f" ({spread(rate.low, rate.high, lambda value: f'{value:,.0f}')})"
    return f"{benchmark.name} with {rate.value:,.0f}{ends} steps/s"
