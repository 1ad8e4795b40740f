"""What a result says of the limit: how far each way gets and what binds it, and an eager step in parts."""

from dataclasses import dataclass
from statistics import median

from bench.present import tables
from bench.present.grid import Grid
from bench.present.pipelines import percent
from bench.products import FLOPS
from bench.results import limits
from bench.results.schema import Benchmark, Document

_CAPTION = (
    "steps/s: median of the cohorts, in these minutes. time: paired ratio to {reference} [95 % interval]. of limit: "
    "the fewest seconds that a step can take here over the case's own. binds: the largest part of its time, of "
    "arithmetic, memory, and what neither explains, dispatch."
)
NOTEBOOK_UPDATES = 5_001
_KERAS = "keras-fit"


@dataclass(frozen=True)
class Figures:
    """Medians over the cohorts: seconds of a step at best, of an eager one in parts, and of launches; FLOP/s."""

    arithmetic: float
    memory: float
    eager_op: float
    function_call: float
    large_flops: float
    forward: float
    gradients: float
    optimizer: float


def figures(document: Document) -> Figures | None:
    """The limits of the device, None where they were not measured."""
    found = document.experiment.limits
    if not found:
        return None
    parts = [limit.eager_parts for limit in found]
    return Figures(
        arithmetic=median(limits.arithmetic_seconds(limit) for limit in found),
        memory=median(limits.memory_seconds(limit) for limit in found),
        eager_op=median(limit.eager_op_seconds for limit in found),
        function_call=median(limit.function_call_seconds for limit in found),
        large_flops=median(limit.large_matmul_flops_per_second for limit in found),
        forward=median(part.forward_seconds for part in parts),
        gradients=median(part.with_gradients_seconds - part.forward_seconds for part in parts),
        optimizer=median(part.step_seconds - part.with_gradients_seconds for part in parts),
    )


def table(document: Document) -> Grid:
    """A row for each case."""
    found, caption = figures(document), _CAPTION.format(reference=document.experiment.reference)
    headings = ("steps/s", "time", "of limit", "binds")
    return tables.of_cases(document, headings, lambda benchmark: _row(benchmark, found), caption)


def _row(benchmark: Benchmark, found: Figures | None) -> list[str]:
    info = benchmark.extra_info
    share = info.share_of_limit
    return [
        tables.rate(benchmark),
        tables.ratio(info.ratio_to_reference),
        "-" if share is None or share.value is None else percent(share),
        "-" if found is None else binds(benchmark, found),
    ]


def binds(benchmark: Benchmark, found: Figures) -> str:
    """The largest part of a case's step: arithmetic, memory, or dispatch, which is what neither of them explains."""
    rate = benchmark.extra_info.steps_per_second.value
    if rate is None:
        return "-"
    parts = {"arithmetic": found.arithmetic, "memory": found.memory}
    parts["dispatch"] = 1 / rate - max(parts.values())
    return max(parts, key=parts.__getitem__)


def findings(document: Document) -> list[str]:
    """How far the fastest way gets, what the notebook's training costs, and where an eager step's time goes."""
    found = figures(document)
    rates = {
        b.name: b.extra_info.steps_per_second.value
        for b in document.benchmarks
        if b.extra_info.steps_per_second.value and not b.extra_info.case.twin
    }
    if not rates:
        return []
    sentences = [_training(rates), _keras(rates)]
    if found:
        sentences = [_limit(document, found, rates), *sentences, _eager(found)]
    return [sentence for sentence in sentences if sentence]


def _limit(document: Document, found: Figures, rates: dict[str, float]) -> str:
    fewest = max(found.arithmetic, found.memory)
    fastest = max(rates, key=rates.__getitem__)
    share = next(b.extra_info.share_of_limit for b in document.benchmarks if b.name == fastest)
    reached = "" if share is None or share.value is None else f", reaches {percent(share)} of it"
    return (
        f"A step takes {1e3 * fewest:.2f} ms here at best, {1 / fewest:,.0f} steps/s: arithmetic "
        f"{1e3 * found.arithmetic:.2f} ms ({FLOPS / found.arithmetic / 1e9:,.0f} GFLOP/s at the model's own sizes, "
        f"{found.large_flops / 1e9:,.0f} at large ones), memory {1e3 * found.memory:.2f} ms. "
        f"The fastest way, {fastest} with {rates[fastest]:,.0f}{reached}."
    )


def _training(rates: dict[str, float]) -> str | None:
    """The notebook's training as it is, and the fastest way that is the same model."""
    fastest = max(rates, key=rates.__getitem__)
    if "eager" not in rates or fastest == "eager":
        return None
    shipped, best = NOTEBOOK_UPDATES / rates["eager"], NOTEBOOK_UPDATES / rates[fastest]
    return (
        f"The notebook's {NOTEBOOK_UPDATES:,} updates take {shipped:,.0f} s in eager mode without an input pipeline, "
        f"and {best:,.1f} s with {fastest}."
    )


def _keras(rates: dict[str, float]) -> str | None:
    of_keras = {name: rate for name, rate in rates.items() if name.startswith(_KERAS)}
    if not of_keras:
        return None
    best = max(of_keras, key=of_keras.__getitem__)
    return f"The best of Keras' fit is {best}, with {of_keras[best]:,.0f} steps/s."


def _eager(found: Figures) -> str:
    whole = found.forward + found.gradients + found.optimizer
    shares = [100 * part / whole for part in (found.optimizer, found.gradients, found.forward)]
    return (
        f"Of an eager step's {1e3 * whole:.1f} ms the optimizer takes {shares[0]:.0f} %, gradients {shares[1]:.0f} %, "
        f"and forward {shares[2]:.0f} %, by taking these parts away; launching an operation takes "
        f"{1e6 * found.eager_op:.0f} microseconds, calling a function {1e6 * found.function_call:.0f}."
    )
