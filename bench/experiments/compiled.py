"""What is said of two modes, as far as their interval allows; of experiments that have both compiled modes."""

from bench.output.figures import multiple, with_interval
from bench.results import claims, estimates
from bench.results.claims import Answer
from bench.results.schema import Document, Estimate


def compared(document: Document) -> list[str]:
    """What XLA does of tf.function's steps with a resident batch; nothing where one of them is missing."""
    measured = {benchmark.name: benchmark for benchmark in document.benchmarks}
    xla, function = measured.get("xla/resident"), measured.get("function/resident")
    if xla is None or function is None:
        return []
    ratio = estimates.paired_ratio(estimates.processes_of(function), estimates.processes_of(xla))
    return [] if ratio.value is None else [f"XLA vs tf.function: {with_remark(ratio)} the steps/s."]


def with_remark(ratio: Estimate) -> str:
    """A ratio of speeds, and that it is open which is faster where its interval holds 1."""
    remark = ", inconclusive" if claims.above(ratio, 1.0) is Answer.OPEN else ""
    return f"{with_interval(ratio, multiple)}{remark}"
