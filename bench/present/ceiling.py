"""What a result says of the limit: how far each way gets, the largest part of its step, and an eager step in parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from bench.present import tables
from bench.present.figures import percent, spread, with_interval
from bench.present.grid import Grid
from bench.products import FLOPS
from bench.results import claims, estimates, limits
from bench.results.claims import Answer, Leaders
from bench.results.estimates import Replicates
from bench.results.schema import Benchmark, Document, Estimate

_CAPTION = (
    "time: paired ratio to {reference}. of limit: the fewest seconds that a step can take here over the case's own. "
    "largest part: of its time, arithmetic, memory, or other, which neither of them explains."
)
NOTEBOOK_UPDATES = 5_001
_KERAS = "keras-fit"
_HALF = 0.5
_NAMED = 3  # of several that may be the fastest


@dataclass(frozen=True)
class Figures:
    """Estimates over the cohorts: seconds of a step at best, shares of an eager one. Medians: of launches, FLOP/s."""

    arithmetic: Estimate
    memory: Estimate
    fewest: Estimate
    arithmetic_over_memory: Estimate
    large_flops: float
    eager_op: float
    function_call: float
    eager_step: Estimate
    eager_shares: Mapping[str, Estimate]  # of its parts, by name
    eager_seconds: Mapping[str, float]  # medians, for drawing


def figures(document: Document) -> Figures | None:
    """The limits of the device, None where they were not measured."""
    measured = document.experiment.limits
    if not measured:
        return None
    arithmetic = [limits.arithmetic_seconds(limit) for limit in measured]
    memory = [limits.memory_seconds(limit) for limit in measured]
    parts = {
        "forward": [limit.eager_parts.forward_seconds for limit in measured],
        "gradients": [p.with_gradients_seconds - p.forward_seconds for p in (one.eager_parts for one in measured)],
        "optimizer": [p.step_seconds - p.with_gradients_seconds for p in (one.eager_parts for one in measured)],
    }
    whole = [limit.eager_parts.step_seconds for limit in measured]
    return Figures(
        arithmetic=estimates.level(arithmetic),
        memory=estimates.level(memory),
        fewest=estimates.level([limits.fewest_seconds(limit) for limit in measured]),
        arithmetic_over_memory=estimates.level([a / m for a, m in zip(arithmetic, memory, strict=True)]),
        large_flops=median(limit.large_matmul_flops_per_second for limit in measured),
        eager_op=median(limit.eager_op_seconds for limit in measured),
        function_call=median(limit.function_call_seconds for limit in measured),
        eager_step=estimates.level(whole),
        eager_shares={
            name: estimates.average([part / step for part, step in zip(of_part, whole, strict=True)])
            for name, of_part in parts.items()
        },
        eager_seconds={name: median(of_part) for name, of_part in parts.items()},
    )


def table(document: Document) -> Grid:
    """A row for each case."""
    found, caption = figures(document), _CAPTION.format(reference=document.experiment.reference)
    headings = ("steps/s", "time", "of limit", "largest part")
    return tables.of_cases(document, headings, lambda benchmark: _row(benchmark, found), caption)


def _row(benchmark: Benchmark, found: Figures | None) -> list[str]:
    info = benchmark.extra_info
    share = info.share_of_limit
    return [
        tables.rate(benchmark),
        tables.ratio(info.ratio_to_reference),
        "-" if share is None or share.value is None else percent(share),
        "-" if found is None else largest_part(benchmark, found),
    ]


def largest_part(benchmark: Benchmark, found: Figures) -> str:
    """The largest part of a case's step: arithmetic, memory, or other, which is what neither of them explains.

    The larger of the first two is more than what is left where it is more than half of the step.
    """
    share = benchmark.extra_info.share_of_limit
    if share is None or share.value is None:
        return "-"
    match claims.above(share, _HALF):
        case Answer.OPEN:
            return "inconclusive"
        case Answer.NO:
            return "other"
    match claims.above(found.arithmetic_over_memory, 1.0):
        case Answer.YES:
            return "arithmetic"
        case Answer.NO:
            return "memory"
    return "arithmetic or memory"


def findings(document: Document) -> list[str]:
    """How far the fastest way gets, what the notebook's training costs, and where an eager step's time goes."""
    cases = {
        benchmark.name: benchmark
        for benchmark in document.benchmarks
        if benchmark.extra_info.steps_per_second.value and not benchmark.extra_info.case.twin
    }
    found = figures(document)
    replicates = {name: estimates.replicates_of(benchmark) for name, benchmark in cases.items()}
    reference = replicates.get(document.experiment.reference)
    if reference is None:
        return []
    fastest = claims.leaders(replicates, reference)
    of_keras = claims.leaders({n: r for n, r in replicates.items() if n.startswith(_KERAS)}, reference)
    return [
        *([_limit(found)] if found else []),
        *([_fastest("Fastest", fastest, cases)] if fastest else []),
        *([text] if fastest and (text := _training(replicates, fastest.first)) else []),
        *([_fastest("Fastest of Keras' fit", of_keras, cases)] if of_keras else []),
        *([_eager(found)] if found else []),
    ]


def _limit(found: Figures) -> str:
    arithmetic, memory = (with_interval(part, _milliseconds) for part in (found.arithmetic, found.memory))
    assert found.arithmetic.value is not None
    return (
        f"A step takes {with_interval(found.fewest, _milliseconds)} ms here at best, by what was measured: arithmetic "
        f"{arithmetic} ms ({FLOPS / found.arithmetic.value / 1e9:,.0f} GFLOP/s at the model's own sizes, "
        f"{found.large_flops / 1e9:,.0f} at large ones), memory {memory} ms."
    )


def _fastest(what: str, leaders: Leaders, cases: Mapping[str, Benchmark]) -> str:
    """The fastest of some cases where every other is surely slower; else those among which that is open."""
    first = _with_rate(cases[leaders.first])
    slower = (
        f"; {'the others are' if len(leaders.slower) > 1 else 'the other is'} surely slower" if leaders.slower else ""
    )
    if not leaders.rivals:
        return f"{what}: {first}{slower or ', the only one measured'}."
    near = [f"{name} {with_interval(ratio, _ratio)}" for name, ratio in leaders.rivals.items()]
    more = f" and {len(near) - _NAMED} more" if len(near) > _NAMED else ""
    return f"{what}: inconclusive between {first} and, time over its time, {', '.join(near[:_NAMED])}{more}{slower}."


def _with_rate(benchmark: Benchmark) -> str:
    rate, share = benchmark.extra_info.steps_per_second, benchmark.extra_info.share_of_limit
    assert rate.value is not None
    ends = ""
    if rate.low is not None and rate.high is not None and rate.cohorts > 1:
        ends = f" ({spread(rate.low, rate.high, lambda value: f'{value:,.0f}')})"
    reached = "" if share is None or share.value is None else f", {percent(share)} of the limit"
    return f"{benchmark.name} with {rate.value:,.0f}{ends} steps/s{reached}"


def _training(replicates: Mapping[str, Replicates], fastest: str) -> str | None:
    """The notebook's training as it is, and the way that seems fastest and is the same model."""
    if "eager" not in replicates or fastest == "eager":
        return None
    eager, best = (
        with_interval(estimates.seconds_per_step(replicates[name]), lambda value: f"{NOTEBOOK_UPDATES * value:#.3g}")
        for name in ("eager", fastest)
    )
    return (
        f"At these speeds the notebook's {NOTEBOOK_UPDATES:,} updates take {eager} s in eager mode without an input "
        f"pipeline, and {best} s with {fastest}; start-up and first calls are not in it."
    )


def _eager(found: Figures) -> str:
    shares = {name: percent(share) for name, share in found.eager_shares.items()}
    return (
        f"Of an eager step's {with_interval(found.eager_step, lambda value: f'{1e3 * value:.1f}')} ms the optimizer "
        f"takes {shares['optimizer']}, gradients {shares['gradients']}, and forward {shares['forward']}, by taking "
        f"these parts away; launching an operation takes {1e6 * found.eager_op:.0f} microseconds, calling a function "
        f"{1e6 * found.function_call:.0f}."
    )


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.2f}"


def _ratio(value: float) -> str:
    return f"{value:.2f}x"
