"""The experiment `rereads`: how long a worker takes to read its weights, beside two cases of one axis."""

import math
from statistics import median

from bench.experiments.base import Experiment, Measurement, is_measured
from bench.plan.case import Case
from bench.results import estimates
from bench.stats import inference

REREAD = "reread"
SHARE = "reread_share"


def _cases(axes):
    return [
        Case(experiment="rereads", axes=("pipeline",), pipeline=str(name))
        for name in axes.get("pipeline", ("resident", "prefetch-1"))
    ]


def _figures(measured):
    return {record.case.name: {SHARE: _share(record)} for record in measured.cases if is_measured(record)}


def _share(record):
    """Seconds of reading over those of a step, repetition by repetition."""
    seconds = {one.repetition: one.values["reading_seconds"] for one in record.quantities if one.name == REREAD}
    logs = [
        math.log(seconds[process.repetition] / median(process.seconds_per_step))
        for process in record.processes
        if process.repetition in seconds
    ]
    return estimates.ratio(inference.mean(logs)) if logs else estimates.missing("nothing was read")


def _exhibit():
    from support.made_up import exhibit

    return exhibit.EXHIBIT


def _worker():
    from support.made_up import worker

    return worker.MEASUREMENTS


REREADS = Experiment(
    name="rereads",
    question="What is reading the weights beside a step?",
    axes=("pipeline",),
    cases=_cases,
    measurements=(
        Measurement(name=REREAD, of="case", says="reading weights"),
        Measurement(name="start", of="device", says="starting the device"),
    ),
    figures=_figures,
    exhibit=_exhibit,
    worker=_worker,
)
