"""What a result says, in a few plain sentences; only what its intervals support."""

from bench.present import batch, ceiling, memory, pipelines
from bench.present.figures import interval, multiple
from bench.results import estimates
from bench.results.schema import Benchmark, Document, Estimate

_MODE_NAMES = {"eager": "eager mode", "function": "tf.function", "xla": "XLA"}


def findings(document: Document) -> list[str]:
    """A few sentences: of each experiment what it is about, then energy, where the time went, and the noise."""
    sentences = [sentence for part in document.parts() for sentence in _of_experiment(part)]
    several = len(document.autoencoder_bench.experiments) > 1
    sentences += [_energy(document), _time(document), *(_noise(part, several) for part in document.parts())]
    return [sentence for sentence in sentences if sentence]


def _of_experiment(document: Document) -> list[str | None]:
    """The sentences of a document of one experiment."""
    measured = {benchmark.name: benchmark for benchmark in document.benchmarks}
    fastest = next((mode for mode in ("xla", "function") if f"{mode}/notebook" in measured), "eager")
    special = {
        "memory": memory.findings,
        "pipelines": pipelines.findings,
        "batch": batch.findings,
        "ceiling": ceiling.findings,
    }
    find = special.get(document.experiment.name)
    own = find(document) if find else []
    return [_speedups(measured), _pipeline_cost(measured, fastest), *own]


def _speedups(measured: dict[str, Benchmark]) -> str | None:
    """What XLA and tf.function do of eager's steps with a resident batch, as far as it is sure that they differ."""
    parts = []
    for mode in ("xla", "function"):
        benchmark = measured.get(f"{mode}/resident")
        estimate = benchmark and benchmark.extra_info.speedup_over_eager
        if estimate and estimate.value is not None and _excludes_one(estimate):
            parts.append(f"{_MODE_NAMES[mode]} does {multiple(estimate.value)} {interval(estimate)}")
    return f"{', '.join(parts)} the steps of eager mode here." if parts else None


def _pipeline_cost(measured: dict[str, Benchmark], mode: str) -> str | None:
    resident, notebook = measured.get(f"{mode}/resident"), measured.get(f"{mode}/notebook")
    if resident is None or notebook is None:
        return None
    rate = estimates.paired_ratio(estimates.replicates_of(resident), estimates.replicates_of(notebook))
    if rate.value is None or rate.low is None or rate.high is None or rate.high >= 1:
        return None
    lost, least, most = (100 * (1 - value) for value in (rate.value, rate.high, rate.low))
    return (
        f"The notebook's input pipeline costs {_MODE_NAMES[mode]} {lost:.0f} % [{least:.0f}, {most:.0f}] of its speed."
    )


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
    return f"Joules per 1,000 steps ({', '.join(sorted(filter(None, sources)))}): {', '.join(parts)}."


def _time(document: Document) -> str | None:
    """Where the time of the run went, the largest parts first."""
    spent = document.autoencoder_bench.time_spent
    whole = sum(spent.values())
    if not whole or not document.benchmarks:
        return None
    others = sorted((name for name in spent if name != "blocks"), key=lambda name: -spent[name])
    parts = ", ".join(f"{name.replace('_', ' ')} {100 * spent[name] / whole:.0f} %" for name in others[:4])
    return f"Of {whole:.0f} s, {100 * spent.get('blocks', 0.0) / whole:.0f} % were spent in blocks ({parts})."


def _noise(document: Document, named: bool) -> str | None:
    twin, of_experiment = document.experiment.twin, f" ({document.experiment.name})" if named else ""
    ratio = twin.ratio
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return None
    difference = f"{100 * abs(ratio.value - 1):.1f} %"
    if twin.unstable:
        return (
            f"Unstable{of_experiment}: the same case, measured twice, differed by {difference}. Run again on a quieter "
            "machine."
        )
    noise = 100 * max(ratio.high - 1, 1 - ratio.low)
    return (
        f"The same case, measured twice{of_experiment}, differed by {difference} (99 % interval within {noise:.1f} %)."
    )


def _excludes_one(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and not estimate.low <= 1 <= estimate.high
