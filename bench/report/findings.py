"""What a result says, in a few plain sentences, each made from a claim that its intervals allow."""

from bench.experiments.registry import EXPERIMENTS
from bench.report import environments, quality
from bench.results import aa_check
from bench.results.schema import Document


def findings(document: Document) -> list[str]:
    """A few sentences: of each experiment what it is about, then energy, where the time went, the data's quality."""
    of_experiments = (sentence for part in document.parts() for sentence in findings_of(part))
    return [*of_experiments, *energy(document), *_time(document), *quality.lines(document)]


def findings_of(document: Document) -> list[str]:
    """What is said of a document's one experiment; of one that is not known here there are none."""
    if reason := why_nothing(document):
        return [reason]
    experiment = EXPERIMENTS.get(document.experiment.name)
    if experiment is None:
        return []
    return [*experiment.exhibit().findings(environments.usual(document)), *environments.findings(document)]


def why_nothing(document: Document) -> str | None:
    """Why nothing is said of the speeds of this document's one experiment, None where something may be."""
    name = document.experiment.name
    failed = aa_check.of(document.experiment).state == "failed"
    of_speed = name not in EXPERIMENTS or EXPERIMENTS[name].of_speed
    if not (failed and document.benchmarks and of_speed):
        return None
    return f"{name}: nothing is said of speeds, since its A/A check failed."


def energy(document: Document) -> list[str]:
    """Joules per 1,000 steps, where there was a counter."""
    parts = [
        f"{sustained.joules_per_1000_steps:#.3g} in {benchmark.fullname}"
        for benchmark in document.benchmarks
        if (sustained := benchmark.extra_info.sustained) and sustained.joules_per_1000_steps is not None
        if not benchmark.extra_info.case.control
    ]
    sources = {b.extra_info.sustained.source for b in document.benchmarks if b.extra_info.sustained}
    if not parts:
        return []
    by = ", ".join(sorted(filter(None, sources)))
    return [f"Joules per 1,000 steps ({by}; one pass each, so without an interval): {', '.join(parts)}."]


def _time(document: Document) -> list[str]:
    """Where the time of the run went, the largest parts first."""
    spent = document.autoencoder_bench.time_spent
    whole = sum(spent.values())
    if not whole or not document.benchmarks:
        return []
    parts = ["samples", *sorted((name for name in spent if name != "samples"), key=lambda name: -spent[name])]
    shares = [f"{name.replace('_', ' ')} {100 * spent.get(name, 0.0) / whole:.0f}%" for name in parts[:5]]
    return [f"Run time {whole:.0f} s: {', '.join(shares)}."]
