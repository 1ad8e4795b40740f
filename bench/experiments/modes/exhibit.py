"""What a result says of the modes: what XLA and tf.function gain over eager, and what the notebook's pipeline costs."""

from collections.abc import Mapping

from bench.experiments import compiled
from bench.experiments import headlines as figures
from bench.experiments.base import Exhibit, Headline
from bench.output import cells
from bench.output.figures import multiple, percent, with_interval
from bench.results import claims, estimates
from bench.results.claims import Answer, Cost
from bench.results.schema import Benchmark, Document, Estimate

_NAMES = {"function": "tf.function", "xla": "XLA"}
_COMPILED = ("xla", "function")


def findings(document: Document) -> list[str]:
    """What the compiled modes gain, which of them is faster, and what the notebook's pipeline costs each."""
    measured = {benchmark.name: benchmark for benchmark in document.benchmarks}
    sentences = [_speedups(measured), *compiled.compared(document), _pipeline_cost(measured)]
    return [sentence for sentence in sentences if sentence]


def _speedups(measured: Mapping[str, Benchmark]) -> str | None:
    """What XLA and tf.function do of eager's steps with a resident batch."""
    parts = []
    for mode in _COMPILED:
        benchmark = measured.get(f"{mode}/resident")
        estimate = benchmark and benchmark.extra_info.speedup_over_eager
        if estimate and estimate.value is not None:
            parts.append(f"{_NAMES[mode]} {compiled.with_remark(estimate)}")
    return f"Speedup over eager: {', '.join(parts)}." if parts else None


def _pipeline_cost(measured: Mapping[str, Benchmark]) -> str | None:
    """What the notebook's pipeline costs each compiled mode."""
    parts: list[str] = []
    for mode in _COMPILED:
        resident, notebook = measured.get(f"{mode}/resident"), measured.get(f"{mode}/notebook")
        if resident is None or notebook is None:
            continue
        of_resident, of_notebook = estimates.processes_of(resident), estimates.processes_of(notebook)
        share = estimates.share_lost(estimates.paired_ratio(of_resident, of_notebook))
        if share.value is not None:
            parts.append(f"{_lost(share)}{'' if parts else ' of steps/s'} under {_NAMES[mode]}")
    return f"Notebook input pipeline costs {', '.join(parts)}." if parts else None


def _lost(share: Estimate) -> str:
    match claims.cost(share):
        case Cost.SOME:
            return percent(share)
        case Cost.LITTLE:
            return f"less than {100 * claims.NEGLIGIBLE:g}% ({percent(share)})"
    return f"{percent(share)} (inconclusive)"


def headlines(document: Document) -> list[Headline]:
    """What eager mode costs beside tf.function, and what XLA gains over it."""
    measured = {benchmark.name: benchmark for benchmark in document.benchmarks}
    function, xla = (_over_eager(document, measured, f"{mode}/resident") for mode in ("function", "xla"))
    over_function = compiled.xla_over_function(document)
    over_eager = "" if xla.value is None else f"; over those of eager mode {with_interval(xla, multiple)}"
    return [
        _ratio("What does eager mode cost?", function, "Time of a step in eager mode over that under tf.function"),
        _ratio("What does XLA gain?", over_function, f"Steps/s under XLA over those under tf.function{over_eager}"),
    ]


def _over_eager(document: Document, measured: Mapping[str, Benchmark], name: str) -> Estimate:
    if name not in measured:
        return estimates.missing(figures.why_missing(document, name))
    return measured[name].extra_info.speedup_over_eager


def _ratio(question: str, ratio: Estimate, note: str) -> Headline:
    remark = "Inconclusive. " if claims.above(ratio, 1.0) is Answer.OPEN else ""
    return figures.of_estimate(question, ratio, multiple, f"{remark}{note}.")


EXHIBIT = Exhibit(findings=findings, table=cells.speeds, headlines=headlines)
