"""The experiment `roofline`: ways to run the same optimisation, against what the device can do at best."""

from collections.abc import Mapping, Sequence

from bench.experiments.base import Exhibit, Experiment, InWorker, Measurement
from bench.experiments.roofline import peaks
from bench.plan.case import Axes, Case

_AXES = ("mode",)
_PLAIN = ("eager", "function", "xla", "eager-fused", "function-fused", "xla-fused")
_LOOPS = ("function-loop", "xla-loop", "function-loop-fused", "xla-loop-fused")  # many steps in a call
_KERAS = ("keras-fit", "keras-fit-xla", "keras-fit-loop", "keras-fit-xla-loop")


def _cases(axes: Axes) -> Sequence[Case]:
    return [
        Case(
            experiment="roofline",
            axes=_AXES,
            mode=str(mode),
            pipeline="device-resident" if mode in _LOOPS else "resident",
        )
        for mode in axes.get("mode", (*_PLAIN, *_LOOPS, *_KERAS))
    ]


def _exhibit() -> Exhibit:
    from bench.experiments.roofline import exhibit

    return exhibit.EXHIBIT


def _worker() -> Mapping[str, InWorker]:
    from bench.experiments.roofline import worker

    return worker.MEASUREMENTS


ROOFLINE = Experiment(
    name="roofline",
    question="How far can TensorFlow be pushed on this model, and what is the largest part of a step?",
    axes=_AXES,
    own={"mode": (*_LOOPS, *_KERAS)},  # they feed themselves, whatever the pipeline is called
    cases=_cases,
    contexts=False,  # of all these ways that would take minutes, and memory is not its question
    measurements=(Measurement(name=peaks.PEAKS, of="device", says="roofline microbenchmarks"),),
    figures=peaks.figures,
    exhibit=_exhibit,
    worker=_worker,
)
