"""The experiment `pipelines`: every input pipeline under both compiled modes, beside a batch that is there already."""

from collections.abc import Mapping, Sequence

from bench.experiments import input_overhead
from bench.experiments.base import Exhibit, Experiment, InWorker, Measurement
from bench.experiments.pipelines.input_alone import INPUT_ALONE
from bench.plan.case import Axes, Case

_MODES = ("function", "xla")
_PIPELINES = (
    "resident",
    "no-prefetch",
    "prefetch-1",
    "prefetch-auto",
    "vectorised",
    "shuffle-indices",
    "prefetch-to-device",
    "device-resident",
)
_BRIEF = _PIPELINES[:4]


def _cases(axes: Axes) -> Sequence[Case]:
    modes, pipelines = axes.get("mode", _MODES), axes.get("pipeline", _PIPELINES)
    return [
        Case(experiment="pipelines", mode=str(mode), pipeline=str(pipeline)) for mode in modes for pipeline in pipelines
    ]


def _exhibit() -> Exhibit:
    from bench.experiments.pipelines import exhibit

    return exhibit.EXHIBIT


def _worker() -> Mapping[str, InWorker]:
    from bench.experiments.pipelines import worker

    return worker.MEASUREMENTS


PIPELINES = Experiment(
    name="pipelines",
    question="What does each tf.data pipeline cost a step, and what would help?",
    axes=("mode", "pipeline"),
    cases=_cases,
    brief=tuple(f"function/{name}" for name in _BRIEF),
    in_brief=True,
    measurements=(
        Measurement(
            name=INPUT_ALONE,
            of="case",
            says="input-only throughput",
            applies=lambda case: case.pipeline != "resident",
        ),
    ),
    figures=input_overhead.figures,
    exhibit=_exhibit,
    worker=_worker,
)
