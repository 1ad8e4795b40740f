"""What is said of two modes, as far as their interval allows; of experiments that have both compiled modes."""

from bench.experiments import headlines
from bench.output.figures import multiple, with_interval
from bench.results import claims, estimates
from bench.results.claims import Answer
from bench.results.schema import Document, Estimate


def compared(document: Document) -> list[str]:
    """What XLA does of tf.function's steps with a resident batch; nothing where one of them is missing."""
    ratio = xla_over_function(document)
    return [] if ratio.value is None else [f"XLA vs tf.function: {with_remark(ratio)} the steps/s."]


def xla_over_function(document: Document) -> Estimate:
    """Steps/s of XLA over those of tf.function, both with a resident batch; why there is none, where one is missing."""
    measured = {benchmark.name: benchmark for benchmark in document.benchmarks}
    cases = ("function/resident", "xla/resident")
    if missing := [name for name in cases if name not in measured]:
        return estimates.missing(headlines.why_missing(document, missing[0]))
    function, xla = (estimates.processes_of(measured[name]) for name in cases)
    return estimates.paired_ratio(function, xla)


def with_remark(ratio: Estimate) -> str:
    """A ratio of speeds, and that it is open which is faster where its interval holds 1."""
    remark = ", inconclusive" if claims.above(ratio, 1.0) is Answer.OPEN else ""
    return f"{with_interval(ratio, multiple)}{remark}"
