"""The experiment `frameworks`: the same optimisation in TensorFlow, JAX and PyTorch, in the same rounds."""

from collections.abc import Mapping, Sequence

from bench.errors import UsageError
from bench.experiments.base import Exhibit, Experiment, Room
from bench.experiments.frameworks.figures import MANY, ONE, figures
from bench.plan import frameworks
from bench.plan.case import Axes, Case

_AXES = ("framework", "mode")
_CUDA_GRAPHS = "compile-cuda-graphs"
MODES: Mapping[str, tuple[str, ...]] = {
    frameworks.TENSORFLOW: ("eager", "function", "xla", ONE[frameworks.TENSORFLOW], MANY[frameworks.TENSORFLOW]),
    frameworks.JAX: ("jit", "jit-donated", ONE[frameworks.JAX], MANY[frameworks.JAX], "jit-optax"),
    frameworks.TORCH: ("eager", "eager-foreach", "compile", _CUDA_GRAPHS, "eager-built-in-adam"),
}


def _cases(axes: Axes) -> Sequence[Case]:
    """Of each framework its modes, or those of them that were chosen."""
    names = [str(name) for name in axes.get("framework", tuple(MODES))]
    if unknown := [name for name in names if name not in MODES]:
        raise UsageError(f"--axis framework={unknown[0]}: it is one of {', '.join(MODES)}.")
    chosen = axes.get("mode")
    for mode in chosen or ():
        if not any(mode in MODES[name] for name in names):
            known = dict.fromkeys(known for name in names for known in MODES[name])
            raise UsageError(f"--axis mode={mode}: {' and '.join(names)} are measured in {', '.join(known)}.")
    return [
        Case(experiment="frameworks", axes=_AXES, framework=name, mode=mode)
        for name in names
        for mode in MODES[name]
        if chosen is None or mode in chosen
    ]


def _why_not(case: Case, room: Room) -> str | None:
    return "CUDA graphs need a GPU" if case.mode == _CUDA_GRAPHS and not room.on_gpu else None


def _exhibit() -> Exhibit:
    from bench.experiments.frameworks import exhibit

    return exhibit.EXHIBIT


FRAMEWORKS = Experiment(
    name="frameworks",
    question="Is it TensorFlow, or is it the machine: what do JAX and PyTorch do of the same step?",
    axes=_AXES,
    own={"mode": tuple(mode for modes in MODES.values() for mode in modes if mode not in ("eager", "function", "xla"))},
    cases=_cases,
    why_not=_why_not,
    on_request=True,  # the others are installed apart
    figures=figures,
    exhibit=_exhibit,
)
