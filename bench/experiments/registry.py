"""The experiments: cases that answer one question each. Data only."""

from collections.abc import Sequence

import msgspec

from bench.plan import memory_policy
from bench.plan.case import USUAL_BATCH_SIZE, Case

BATCH_SIZES = (16, 64, 256, 1_024, 4_096)
# A large GPU computes thousands of rows in the time of launching a step's kernels: sizes go on until arithmetic shows.
GPU_BATCH_SIZES = (*BATCH_SIZES, 16_384, 65_536, 262_144)
MOST_EXAMPLES = 262_144
# Of a GPU's memory, for each row of the largest batch: all smaller ones have processes beside it, each mode its own.
# By arithmetic, and twice, since an allocator that grows doubles its regions (docs/experiments.md).
_BYTES_A_ROW = 90_000


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that answer one question.

    `usual` are the globs of those that are measured where none are asked for; `brief`, in the preset `quick`.
    """

    question: str
    cases: tuple[Case, ...]
    usual: tuple[str, ...] = ("*",)
    brief: tuple[str, ...] | None = None  # None: as usual


def _modes() -> tuple[Case, ...]:
    pipelines, modes = ("resident", "notebook"), ("eager", "function", "xla")
    cases = [Case(experiment="modes", mode=mode, pipeline=pipeline) for pipeline in pipelines for mode in modes]
    return (*cases, Case(experiment="modes", mode="function", pipeline="resident", twin=True))


def memory(fraction: float = memory_policy.DEFAULT_FRACTION) -> Experiment:
    """The experiment `memory` with this share in the policies that have one.

    The cases called `host` are those of a machine without a GPU, where a policy would mean nothing.
    """
    names = [memory_policy.parse(name, fraction).name for name in ("default", "growth", "fraction", "growth+fraction")]
    pairs = [(name, mode) for mode in ("function", "xla") for name in (*names, "async")]
    pairs += [(memory_policy.HOST, mode) for mode in ("eager", "function", "xla")]
    cases = [Case(experiment="memory", mode=mode, pipeline="resident", memory=name) for name, mode in pairs]
    twins = [
        Case(experiment="memory", mode="function", pipeline="resident", memory=name, twin=True)
        for name in ("growth", memory_policy.HOST)
    ]
    return Experiment(
        question="What does each memory policy reserve, what does the model need, and what does it cost?",
        cases=(*cases, *twins),
        usual=(*(f"{name}/function" for name in names), f"{memory_policy.HOST}/*"),
    )


def _pipelines() -> tuple[Case, ...]:
    names = (
        "resident",
        "no-prefetch",
        "prefetch-1",
        "prefetch-auto",
        "vectorised",
        "shuffle-indices",
        "prefetch-to-device",
        "device-resident",
    )
    cases = [Case(experiment="pipelines", mode=mode, pipeline=name) for mode in ("function", "xla") for name in names]
    return (*cases, Case(experiment="pipelines", mode="function", pipeline="resident", twin=True))


def batch_sizes(free_bytes: int | None) -> tuple[int, ...]:
    """The sizes for a GPU with so much memory free, None where that is not known: as large as fit, a CPU's at least."""
    if free_bytes is None:
        return BATCH_SIZES
    return tuple(size for size in GPU_BATCH_SIZES if size in BATCH_SIZES or size * _BYTES_A_ROW <= free_bytes)


def batch(sizes: Sequence[int] = BATCH_SIZES) -> Experiment:
    """The experiment `batch` with these sizes; the notebook's, which ratios are taken to, is always among them."""
    every = sorted({USUAL_BATCH_SIZE, *sizes})
    pairs = [(mode, size) for mode in ("function", "xla") for size in every]
    cases = [Case(experiment="batch", mode=mode, pipeline="resident", batch_size=size) for mode, size in pairs]
    twin = Case(experiment="batch", mode="function", pipeline="resident", twin=True)
    return Experiment(question="How does the cost of a step grow with its batch?", cases=(*cases, twin))


def _ceiling() -> tuple[Case, ...]:
    """Ways to run the same optimisation; those called loop do many steps in a call."""
    plain = ("eager", "function", "xla", "eager-fused", "function-fused", "xla-fused")
    loops = ("function-loop", "xla-loop", "function-loop-fused", "xla-loop-fused")
    keras = ("keras-fit", "keras-fit-xla", "keras-fit-loop", "keras-fit-xla-loop")
    pairs = [(mode, "device-resident" if mode in loops else "resident") for mode in (*plain, *loops, *keras)]
    cases = [Case(experiment="ceiling", mode=mode, pipeline=pipeline) for mode, pipeline in pairs]
    return (*cases, Case(experiment="ceiling", mode="function", pipeline="resident", twin=True))


EXPERIMENTS: dict[str, Experiment] = {
    "modes": Experiment(
        question="What do eager, tf.function and XLA cost, with and without an input pipeline?", cases=_modes()
    ),
    "memory": memory(),
    "pipelines": Experiment(
        question="What does each tf.data pipeline cost a step, and what would help?",
        cases=_pipelines(),
        brief=tuple(f"function/{name}" for name in ("resident", "no-prefetch", "prefetch-1", "prefetch-auto")),
    ),
    "batch": batch(),
    "ceiling": Experiment(
        question="How far can TensorFlow be pushed on this model, and what is the largest part of a step?",
        cases=_ceiling(),
    ),
}

# Every case that can be named, also those that only a GPU gets.
NAMED = EXPERIMENTS | {"batch": batch(GPU_BATCH_SIZES)}
