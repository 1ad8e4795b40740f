"""What can be measured: cases, experiments and presets. Data only."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import msgspec

from bench import policies
from bench.errors import UsageError

# How the cases of an experiment are named by what it varies; the others by their mode and pipeline.
_NAMES = {"memory": "{memory}/{mode}", "batch": "{mode}/{batch_size}", "ceiling": "{mode}"}

USUAL_BATCH_SIZE = 64  # the notebook's
BATCH_SIZES = (16, 64, 256, 1024, 4096)
MOST_EXAMPLES = 65_536


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One point to measure. The axes are open names: what gives them meaning lives below the worker."""

    experiment: str
    mode: str
    pipeline: str
    batch_size: int = USUAL_BATCH_SIZE
    memory: str = "growth"  # on a GPU, where the default policy would give the card to the first worker
    twin: bool = False  # a second replicate of the same case in every cohort: the noise of the method

    @property
    def name(self) -> str:
        """The case's name inside its experiment, as `--only` matches it."""
        return self.measured_as + ("/twin" if self.twin else "")

    @property
    def full_name(self) -> str:
        """The name inside a result, where several experiments may have a case of the same name."""
        return f"{self.experiment}/{self.name}"

    @property
    def measured_as(self) -> str:
        """The name without the mark of the twin: cases of one such name do the same work."""
        return _NAMES.get(self.experiment, "{mode}/{pipeline}").format(**msgspec.structs.asdict(self))


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that answer one question.

    `usual` are the globs of those that are measured where none are asked for; `brief`, in the preset `quick`.
    """

    question: str
    cases: tuple[Case, ...]
    usual: tuple[str, ...] = ("*",)
    brief: tuple[str, ...] | None = None  # None: as usual


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured. Times in seconds, the rest are counts."""

    name: str
    summary: str
    looks: tuple[int, ...]  # numbers of cohorts after which the intervals are looked at; the last is the most there are
    target_half_width: float  # of the ratio to the reference, or of the two sides, relative
    seconds: float  # no further cohort begins that would end after this long, once the first look is done
    first_rounds_seconds: float  # that the rounds of a cohort should take before the first look says how many are best
    least_rounds: int  # blocks of each case in a cohort
    most_rounds: int
    warmup_rounds: int = 3  # rounds before those, not recorded
    rounds_seconds: float  # no further round of a cohort begins after this long, however few there were
    latency_steps: int = 1_000
    latency_seconds: float  # the latency pass of a case ends after this long
    sustained_seconds: float = 3.0  # of steps without a break, for power and energy, where those can be read
    profile_steps: int = 20
    training_steps: int  # of the training run behind the loss curve and the reconstructions


def _modes() -> tuple[Case, ...]:
    pipelines, modes = ("resident", "notebook"), ("eager", "function", "xla")
    cases = [Case(experiment="modes", mode=mode, pipeline=pipeline) for pipeline in pipelines for mode in modes]
    return (*cases, Case(experiment="modes", mode="function", pipeline="resident", twin=True))


def memory(fraction: float = policies.DEFAULT_FRACTION) -> Experiment:
    """The experiment `memory` with this share in the policies that have one.

    The cases called `host` are those of a machine without a GPU, where a policy would mean nothing.
    """
    names = [policies.parse(name, fraction).name for name in ("default", "growth", "fraction", "growth+fraction")]
    pairs = [(name, mode) for mode in ("function", "xla") for name in (*names, "async")]
    pairs += [(policies.HOST, mode) for mode in ("eager", "function", "xla")]
    cases = [Case(experiment="memory", mode=mode, pipeline="resident", memory=name) for name, mode in pairs]
    twins = [
        Case(experiment="memory", mode="function", pipeline="resident", memory=name, twin=True)
        for name in ("growth", policies.HOST)
    ]
    return Experiment(
        question="What does each memory policy reserve, what does the model need, and what does it cost?",
        cases=(*cases, *twins),
        usual=(*(f"{name}/function" for name in names), f"{policies.HOST}/*"),
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
        question="Which tf.data pipeline keeps up with the step?",
        cases=_pipelines(),
        brief=tuple(f"function/{name}" for name in ("resident", "no-prefetch", "prefetch-1", "prefetch-auto")),
    ),
    "batch": batch(),
    "ceiling": Experiment(
        question="How far can TensorFlow be pushed on this model, and what binds it?", cases=_ceiling()
    ),
}

BRIEF_PRESET = "quick"

FEWEST_COHORTS = 3  # where several experiments share the time: fewer have no interval (bench/results/statistics.py)
# What `several` of them may take together; a preset that is not here gives each what it gives one.
TOGETHER_SECONDS = {"standard": 840.0, "thorough": 2_700.0}

# What is measured where no experiment is named. Side by side it is a gate, and asks one question.
USUAL_EXPERIMENTS = {
    BRIEF_PRESET: ("modes", "pipelines", "memory"),
    "standard": tuple(EXPERIMENTS),
    "thorough": tuple(EXPERIMENTS),
}
FIRST_EXPERIMENT = ("modes",)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="quick",
            summary="4 cohorts, for intervals of about 5 %: one experiment in two minutes, these in three and a half",
            looks=(4,),
            target_half_width=0.05,
            seconds=110.0,
            first_rounds_seconds=9.0,
            least_rounds=20,
            most_rounds=60,
            rounds_seconds=13.0,
            latency_seconds=1.5,
            training_steps=1_000,
        ),
        Preset(
            name="standard",
            summary="3 to 16 cohorts, until intervals are within 2 %: one experiment in five minutes, all in 15",
            looks=(3, 6, 12, 16),
            target_half_width=0.02,
            seconds=285.0,
            first_rounds_seconds=8.0,
            least_rounds=20,
            most_rounds=200,
            rounds_seconds=38.0,
            latency_seconds=2.0,
            training_steps=2_000,
        ),
        Preset(
            name="thorough",
            summary="3 to 16 cohorts, until intervals are within 1 %: one experiment in 15 minutes, all in about 45",
            looks=(3, 6, 12, 16),
            target_half_width=0.01,
            seconds=880.0,
            first_rounds_seconds=15.0,
            least_rounds=20,
            most_rounds=200,
            rounds_seconds=60.0,
            latency_seconds=20.0,
            training_steps=5_000,
        ),
    )
}


def usual_experiments(preset: str, side_by_side: bool = False) -> tuple[str, ...]:
    """The experiments of a preset where none is named; side by side only the modes."""
    return FIRST_EXPERIMENT if side_by_side else USUAL_EXPERIMENTS.get(preset, FIRST_EXPERIMENT)


def shared_out(preset: Preset, experiments: Sequence[str]) -> dict[str, Preset]:
    """How much of each of these experiments is measured: one alone has all that the preset allows.

    Several share its time. Where the number of cohorts is fixed, the first has as many as alone, and the others as few
    as have an interval.
    """
    if len(experiments) == 1:
        return {experiments[0]: preset}
    if len(preset.looks) > 1:
        seconds = min(preset.seconds, TOGETHER_SECONDS.get(preset.name, preset.seconds) / len(experiments))
        return {name: msgspec.structs.replace(preset, seconds=seconds) for name in experiments}
    fewer = msgspec.structs.replace(
        preset,
        looks=(min(FEWEST_COHORTS, preset.looks[0]),),
        first_rounds_seconds=preset.first_rounds_seconds / 2,
        rounds_seconds=preset.rounds_seconds / 2,
        latency_seconds=preset.latency_seconds / 2,
    )
    return {name: fewer if i else preset for i, name in enumerate(experiments)}


def reference(cases: Iterable[Case]) -> Case:
    """The case that ratios are taken to, and which the twin repeats: tf.function on a resident batch.

    On a GPU with growth, as all experiments but `memory` run. Of cases on both, the one on the GPU.
    """
    found = [case for case in cases if _is_reference(case) and not case.twin]
    return min(found, key=lambda case: case.memory == policies.HOST)


def _is_reference(case: Case) -> bool:
    usual = (case.mode, case.pipeline, case.batch_size) == ("function", "resident", USUAL_BATCH_SIZE)
    return usual and case.memory in ("growth", policies.HOST)


@dataclass(frozen=True)
class Choice:
    """Which cases are wanted: of each experiment those that match one of the globs `only`, or its usual ones.

    `memory` are policies and `memory_fraction` the share in those that have one, of the experiment `memory` alone;
    `batch_sizes` are of the experiment `batch`. With `brief`, the fewer cases of a first answer.
    """

    experiments: tuple[str, ...] = ("modes",)
    only: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    memory_fraction: float | None = None
    batch_sizes: tuple[int, ...] = ()
    brief: bool = False


def select(choice: Choice) -> dict[str, tuple[Case, ...]]:
    """The cases that are wanted of each experiment; one of which no glob matches a case is left out.

    The reference and its twin stay in: one for the ratios, the other for the noise. Raises UsageError for an unknown
    experiment, policy, share or size, or a glob that matches nothing, with the nearest names or the valid range.
    """
    experiments = {name: _experiment(name, choice) for name in dict.fromkeys(choice.experiments)}
    _check_options(choice)
    names = [case.name for experiment in experiments.values() for case in experiment.cases]
    for glob in choice.only:
        if not any(fnmatchcase(name, glob) for name in names):
            raise UsageError(f"No case of {', '.join(experiments)} matches {glob!r}. {nearest(glob, names)}")
    return {name: found for name, experiment in experiments.items() if (found := _select(experiment, choice))}


def _select(experiment: Experiment, choice: Choice) -> tuple[Case, ...]:
    if choice.only and not any(fnmatchcase(case.name, glob) for case in experiment.cases for glob in choice.only):
        return ()
    of_memory = experiment.cases[0].experiment == "memory"
    share = policies.DEFAULT_FRACTION if choice.memory_fraction is None else choice.memory_fraction
    wanted = {policies.parse(name, share).name for name in choice.memory if of_memory}
    cases = (*experiment.cases, *_of_other_shares(wanted, experiment.cases))
    usual = experiment.brief if choice.brief and experiment.brief else experiment.usual
    globs = choice.only or (("*/function", f"{policies.HOST}/*") if wanted else usual)
    return tuple(case for case in cases if _is_reference(case) or _is_wanted(case, globs, wanted))


def _experiment(name: str, choice: Choice) -> Experiment:
    """The experiment with the share or the sizes that were asked for."""
    if name not in EXPERIMENTS:
        raise UsageError(f"No experiment {name!r}. {nearest(name, EXPERIMENTS)}")
    if name == "memory" and choice.memory_fraction is not None:
        return memory(policies.check_fraction(choice.memory_fraction))
    if name == "batch" and choice.batch_sizes:
        wrong = [size for size in choice.batch_sizes if not 1 <= size <= MOST_EXAMPLES]
        if wrong:
            raise UsageError(f"--batch-sizes {wrong[0]}: a batch has 1 to {MOST_EXAMPLES:,} examples.")
        return batch(choice.batch_sizes)
    return EXPERIMENTS[name]


def _check_options(choice: Choice) -> None:
    """Raise UsageError where something was chosen of an experiment that is not measured."""
    if "memory" not in choice.experiments and (choice.memory or choice.memory_fraction is not None):
        raise UsageError("--memory and --memory-fraction choose memory policies: they go with --experiment memory.")
    if "batch" not in choice.experiments and choice.batch_sizes:
        raise UsageError("--batch-sizes goes with --experiment batch.")


def parse_sizes(text: str) -> tuple[int, ...]:
    """Batch sizes from a list with commas. Raises UsageError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise UsageError(f"--batch-sizes {text}: numbers with commas between them, as 16,64,1024.")
    return tuple(int(word) for word in words)


def _of_other_shares(wanted: set[str], cases: Sequence[Case]) -> list[Case]:
    """Cases of policies that are asked for with a share of their own, as `fraction-0.5`."""
    others = sorted(wanted - {case.memory for case in cases})
    return [
        Case(experiment="memory", mode=mode, pipeline="resident", memory=name)
        for name in others
        for mode in ("function", "xla")
    ]


def _is_wanted(case: Case, globs: Sequence[str], policies_wanted: set[str]) -> bool:
    asked = not policies_wanted or case.memory in policies_wanted or case.memory == policies.HOST
    return asked and any(fnmatchcase(case.name, glob) for glob in globs)


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence with the known names closest to `name`, or all of them where none is close."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(known)}."
