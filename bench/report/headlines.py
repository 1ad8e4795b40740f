"""The summary at the top of a page: the figures that the experiments name, and why one of them is not there."""

from dataclasses import replace

import msgspec

from bench.experiments.base import Headline
from bench.experiments.registry import EXPERIMENTS
from bench.report import environments
from bench.report.findings import why_nothing
from bench.results.schema import Document


def headlines(document: Document) -> list[Headline]:
    """Those of all experiments; an experiment that was no part of the run, or failed its A/A check, says so.

    None at all where the run is about none of these questions.
    """
    parts = {part.experiment.name: environments.usual(part) for part in document.parts()}
    nothing = msgspec.structs.replace(document, benchmarks=())
    found: list[Headline] = []
    asked = False  # whether the run is about any of these questions
    for name, experiment in EXPERIMENTS.items():
        part = parts.get(name)
        said = experiment.exhibit().headlines(part or nothing)
        asked |= bool(part and said)
        reason = why_nothing(part) if part else f"The experiment {name} was not part of this run."
        found += [replace(one, value=None, interval="", note=reason) if reason else one for one in said]
    return found if asked else []
