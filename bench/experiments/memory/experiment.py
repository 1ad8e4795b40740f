"""The experiment `memory`: a process alone with each memory policy of a GPU, or with the memory of the host."""

from collections.abc import Sequence

from bench.experiments.base import Exhibit, Experiment
from bench.plan import memory_policy
from bench.plan.case import Axes, Case

_AXES = ("memory", "mode")
_POLICIES = ("default", "growth", "fraction", "growth+fraction")
_MODES = ("function", "xla")
# The cases called `host` are those of a machine without a GPU, where a policy would mean nothing.
_HOST_MODES = ("eager", "function", "xla")


def _cases(axes: Axes) -> Sequence[Case]:
    names = [_policy(name) for name in axes.get("memory", (*_POLICIES, "async"))]
    pairs = [(name, mode) for mode in axes.get("mode", _MODES) for name in names if name != memory_policy.HOST]
    pairs += [(memory_policy.HOST, mode) for mode in axes.get("mode", _HOST_MODES)]
    always = [("growth", "function"), (memory_policy.HOST, "function")]
    return [
        Case(experiment="memory", axes=_AXES, mode=str(mode), memory=name)
        for name, mode in (*(pair for pair in always[:1] if pair not in pairs), *pairs, *always[1:])
    ]


def _policy(name: str | int) -> str:
    return memory_policy.HOST if name == memory_policy.HOST else memory_policy.parse(str(name)).name


def _usual(axes: Axes) -> tuple[str, ...]:
    """Every policy under tf.function, but CUDA's own only where it was chosen; all modes where those were."""
    of_host = f"{memory_policy.HOST}/*"
    if "mode" in axes:
        return ("*",)
    if "memory" in axes:
        return ("*/function", of_host)
    return (*(f"{_policy(name)}/function" for name in _POLICIES), of_host)


def _exhibit() -> Exhibit:
    from bench.experiments.memory import exhibit

    return exhibit.EXHIBIT


MEMORY = Experiment(
    name="memory",
    question="What does each memory policy reserve, what does the model need, and what does it cost?",
    axes=_AXES,
    cases=_cases,
    usual=_usual,
    in_brief=True,
    alone=True,
    of_speed=False,
    exhibit=_exhibit,
)
