"""What a result says of the modes: what XLA and tf.function gain over eager, and what the notebook's pipeline costs."""

from collections.abc import Mapping

from bench.experiments import compiled
from bench.experiments.base import Exhibit
from bench.output import cells
from bench.output.figures import percent
from bench.results import claims, estimates
from bench.results.claims import Cost
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


EXHIBIT = Exhibit(findings=findings, table=cells.speeds)
