"""What all tables of a result have in common: a title, a row for each case, a caption that says what stands there."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.output.figures import interval, multiple, size, spread
from bench.output.grid import Grid
from bench.results import estimates
from bench.results.estimates import first_call_seconds
from bench.results.memory_figures import figures
from bench.results.schema import Benchmark, Document, Estimate

BASELINE = "baseline"
_CAPTION = "First call: trace, compile, first step."


def of_cases(
    document: Document, headings: Sequence[str], row: Callable[[Benchmark], Sequence[str]], caption: str
) -> Grid:
    """A table of the measured cases of one experiment: the name, then the cells that `row` gives, below `headings`.

    The A/A control is no case: what it says is in the report's line about the quality of the data.
    """
    return Grid(
        title=document.experiment.name.capitalize(),
        headings=("case", *headings),
        rows=tuple((case.name, *row(case)) for case in without_control(document)),
        caption=caption,
    )


def without_control(document: Document) -> list[Benchmark]:
    """The cases that answer a question: the A/A control is one of them measured again."""
    return [case for case in document.benchmarks if not case.extra_info.case.control]


def ratio(estimate: Estimate) -> str:
    """A ratio with its interval, a word where others are held against this, or a dash."""
    if estimates.is_baseline(estimate):
        return BASELINE
    return "-" if estimate.value is None else f"{multiple(estimate.value)} {interval(estimate)}".rstrip()


def rate(benchmark: Benchmark) -> str:
    """Steps per second, or a dash."""
    value = benchmark.extra_info.steps_per_second.value
    return "-" if value is None else f"{value:,.0f}"


def rate_with_range(benchmark: Benchmark, times: int = 1) -> str:
    """Steps per second, or that times something, with the lowest and highest repetition; or a dash."""
    steps = benchmark.extra_info.steps_per_second
    if steps.value is None:
        return "-"
    if steps.low is None or steps.high is None or steps.repetitions < 2:
        return f"{times * steps.value:,.0f} ({'one repetition' if steps.repetitions == 1 else 'no range'})"
    return f"{times * steps.value:,.0f} ({spread(times * steps.low, times * steps.high, lambda rate: f'{rate:,.0f}')})"


def first_call(benchmark: Benchmark) -> str:
    """Seconds of the first call, with the fastest and the slowest process."""
    return with_range(
        [first_call_seconds(process) for process in benchmark.extra_info.processes], lambda value: f"{value:.2f}"
    )


def with_range(values: Iterable[float], text: Callable[[float], str]) -> str:
    """The median, with the lowest and the highest."""
    values = sorted(values)
    return f"{text(median(values))} ({spread(values[0], values[-1], text)})"


def memory_with_range(benchmark: Benchmark, kind: str) -> str:
    """Bytes of that kind: the median of the processes, the least and the most."""
    middle, low, high = (getattr(figures(benchmark, of), kind) for of in (median, min, max))
    return "-" if middle is None else f"{size(middle)} ({spread(low, high, size)})"


_SPEED_HEADINGS = ("steps/s", "min-max", "vs eager [95% CI]", "first call [s]", "step p50 [ms]", "p95 [ms]")


def speeds(document: Document) -> Grid:
    """A row for each case: its speed, its ratio to eager, and what its first call and single steps take."""
    return of_cases(document, _SPEED_HEADINGS, _speed_row, _CAPTION)


def _speed_row(benchmark: Benchmark) -> list[str]:
    info = benchmark.extra_info
    speedup, latency = info.speedup_over_eager, info.latency
    return [
        rate(benchmark),
        _spread(info.steps_per_second),
        ratio(speedup),
        f"{median(first_call_seconds(process) for process in info.processes):.2f}",
        "-" if latency is None else f"{1e3 * latency.p50_seconds:.2f}",
        "-" if latency is None else f"{1e3 * latency.p95_seconds:.2f}",
    ]


def _spread(rate: Estimate) -> str:
    if rate.value is None or rate.low is None or rate.high is None or rate.repetitions < 2:
        return "-"
    return spread(rate.low, rate.high, lambda value: f"{value:,.0f}")
