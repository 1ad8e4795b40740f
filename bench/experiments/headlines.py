"""Figures of the summary, made of the estimates that the findings are made of; and why one is not there."""

from collections.abc import Callable

from bench.experiments.base import Headline
from bench.output.figures import printable
from bench.results.schema import Document, Estimate


def of_estimate(question: str, estimate: Estimate, form: Callable[[float], str], note: str) -> Headline:
    """The figure with its interval; without a value where the estimate has none. `form` writes a number."""
    if estimate.value is None:
        return missing(question, printable(estimate.reason or "no reason is given", 300))
    return Headline(question=question, value=form(estimate.value), interval=_interval(estimate, form), note=note)


def missing(question: str, reason: str) -> Headline:
    """A question without an answer."""
    return Headline(question=question, value=None, note=reason)


def why_missing(document: Document, name: str) -> str:
    """Why a case of this name has no figures, as far as the document says."""
    for experiment in document.autoencoder_bench.experiments:
        for case in experiment.cases:
            if case.name != name:
                continue
            if case.failure is not None:
                return f"{name}: {case.status}: {printable(case.failure.reason, 300)}"
            return f"{name}: {printable(case.skipped or case.status, 300)}"
    return f"{name} was not among the cases"


def _interval(estimate: Estimate, form: Callable[[float], str]) -> str:
    """Of which percentage it is, and from where to where; the unit stands with the figure."""
    if estimate.low is None or estimate.high is None or estimate.confidence is None:
        return "no interval"
    ends = (form(end).rstrip("x%") for end in (estimate.low, estimate.high))
    return f"{100 * estimate.confidence:.4g}% interval [{', '.join(ends)}]"
