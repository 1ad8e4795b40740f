"""What a result says, in a few plain sentences, each made from a claim that its intervals allow."""

from collections.abc import Mapping

from bench.experiments.batch import exhibit as batch
from bench.experiments.memory import exhibit as memory
from bench.experiments.pipelines import exhibit as pipelines
from bench.experiments.roofline import exhibit as ceiling
from bench.output.figures import multiple, percent, with_interval
from bench.report import quality
from bench.results import aa_check, claims, estimates
from bench.results.claims import Answer, Cost
from bench.results.schema import Benchmark, Document, Estimate

_MODE_NAMES = {"eager": "eager mode", "function": "tf.function", "xla": "XLA"}
_COMPILED = ("xla", "function")


def findings(document: Document) -> list[str]:
    """A few sentences: of each experiment what it is about, then energy, where the time went, the data's quality."""
    sentences = [sentence for part in document.parts() for sentence in _of_experiment(part)]
    sentences += [_energy(document), _time(document), *quality.lines(document)]
    return [sentence for sentence in sentences if sentence]


def _of_experiment(document: Document) -> list[str | None]:
    """The sentences of a document of one experiment."""
    measured = {benchmark.name: benchmark for benchmark in document.benchmarks}
    special = {
        "memory": memory.findings,
        "pipelines": pipelines.findings,
        "batch": batch.findings,
        "ceiling": ceiling.findings,
    }
    find = special.get(document.experiment.name)
    if reason := why_nothing(document):
        return [reason]
    own = find(document) if find else []
    return [_speedups(measured), _between_compiled(measured), _pipeline_cost(measured), *own]


def why_nothing(document: Document) -> str | None:
    """Why nothing is said of the speeds of this document's one experiment, None where something may be.

    The experiment `memory` says how much and not how fast.
    """
    failed = aa_check.of(document.experiment).state == "failed"
    if not (failed and document.benchmarks) or document.experiment.name == "memory":
        return None
    return f"{document.experiment.name}: nothing is said of speeds, since its A/A check failed."


def _speedups(measured: Mapping[str, Benchmark]) -> str | None:
    """What XLA and tf.function do of eager's steps with a resident batch."""
    parts = []
    for mode in _COMPILED:
        benchmark = measured.get(f"{mode}/resident")
        estimate = benchmark and benchmark.extra_info.speedup_over_eager
        if estimate and estimate.value is not None:
            parts.append(f"{_MODE_NAMES[mode]} {_compared(estimate)}")
    return f"Steps/s over those of eager mode: {', '.join(parts)}." if parts else None


def _between_compiled(measured: Mapping[str, Benchmark]) -> str | None:
    xla, function = measured.get("xla/resident"), measured.get("function/resident")
    if xla is None or function is None:
        return None
    ratio = estimates.paired_ratio(estimates.replicates_of(function), estimates.replicates_of(xla))
    return None if ratio.value is None else f"Steps/s of XLA over those of tf.function: {_compared(ratio)}."


def _compared(ratio: Estimate) -> str:
    """A ratio of speeds, and that it is open which is faster where its interval holds 1."""
    remark = ", inconclusive" if claims.above(ratio, 1.0) is Answer.OPEN else ""
    return f"{with_interval(ratio, multiple)}{remark}"


def _pipeline_cost(measured: Mapping[str, Benchmark]) -> str | None:
    """What the notebook's pipeline costs each compiled mode."""
    parts = []
    for mode in _COMPILED:
        resident, notebook = measured.get(f"{mode}/resident"), measured.get(f"{mode}/notebook")
        if resident is None or notebook is None:
            continue
        of_resident, of_notebook = estimates.replicates_of(resident), estimates.replicates_of(notebook)
        share = estimates.share_lost(estimates.paired_ratio(of_resident, of_notebook))
        if share.value is not None:
            parts.append(f"{_MODE_NAMES[mode]} {_lost(share)}")
    return f"The notebook's input pipeline costs, of the steps/s: {', '.join(parts)}." if parts else None


def _lost(share: Estimate) -> str:
    match claims.cost(share):
        case Cost.SOME:
            return percent(share)
        case Cost.LITTLE:
            return f"less than {100 * claims.NEGLIGIBLE:g} %, {percent(share)}"
    return f"{percent(share)}, inconclusive"


def _energy(document: Document) -> str | None:
    """Joules per 1,000 steps, where there was a counter."""
    parts = [
        f"{sustained.joules_per_1000_steps:#.3g} in {benchmark.fullname}"
        for benchmark in document.benchmarks
        if (sustained := benchmark.extra_info.sustained) and sustained.joules_per_1000_steps is not None
        if not benchmark.extra_info.case.twin
    ]
    sources = {b.extra_info.sustained.source for b in document.benchmarks if b.extra_info.sustained}
    if not parts:
        return None
    by = ", ".join(sorted(filter(None, sources)))
    return f"Joules per 1,000 steps ({by}; one pass each, so without an interval): {', '.join(parts)}."


def _time(document: Document) -> str | None:
    """Where the time of the run went, the largest parts first."""
    spent = document.autoencoder_bench.time_spent
    whole = sum(spent.values())
    if not whole or not document.benchmarks:
        return None
    parts = ["blocks", *sorted((name for name in spent if name != "blocks"), key=lambda name: -spent[name])]
    shares = [f"{name.replace('_', ' ')} {100 * spent.get(name, 0.0) / whole:.0f} %" for name in parts[:5]]
    return f"Run time of {whole:.0f} s: {', '.join(shares)}."
