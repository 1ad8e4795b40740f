"""The experiment `modes`: three modes by two ways to be fed."""

from collections.abc import Sequence

from bench.experiments import input_overhead
from bench.experiments.base import Exhibit, Experiment
from bench.plan.case import Axes, Case

_MODES = ("eager", "function", "xla")
_PIPELINES = ("resident", "notebook")


def _cases(axes: Axes) -> Sequence[Case]:
    modes, pipelines = axes.get("mode", _MODES), axes.get("pipeline", _PIPELINES)
    return [
        Case(experiment="modes", mode=str(mode), pipeline=str(pipeline)) for pipeline in pipelines for mode in modes
    ]


def _exhibit() -> Exhibit:
    from bench.experiments.modes import exhibit

    return exhibit.EXHIBIT


MODES = Experiment(
    name="modes",
    question="What do eager, tf.function and XLA cost, with and without an input pipeline?",
    axes=("mode", "pipeline"),
    main=tuple(f"{mode}/resident" for mode in _MODES),
    cases=_cases,
    in_brief=True,
    figures=input_overhead.figures,
    exhibit=_exhibit,
)
