"""Which cases are wanted, from what the user names."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bench.errors import UsageError
from bench.experiments.registry import EXPERIMENTS, MOST_EXAMPLES, NAMED, Experiment, batch, memory
from bench.plan import memory_policy
from bench.plan.case import Case, is_reference


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


def experiment_with(name: str, experiment: str | None) -> str:
    """The experiment with a case of exactly this name: the first of all, or the one that is named.

    Raises UsageError where there is none, with the nearest names.
    """
    if experiment is not None and experiment not in EXPERIMENTS:
        raise UsageError(f"No experiment {experiment!r}. {nearest(experiment, EXPERIMENTS)}")
    known = {
        one: [case.name for case in found.cases if not case.twin]
        for one, found in NAMED.items()
        if experiment in (None, one)
    }
    if first := next((one for one, names in known.items() if name in names), None):
        return first
    of_experiment = f" of {experiment}" if experiment else ""
    every = dict.fromkeys(case for names in known.values() for case in names)
    raise UsageError(f"No case {name!r}{of_experiment}. {nearest(name, every)}")


def _select(experiment: Experiment, choice: Choice) -> tuple[Case, ...]:
    if choice.only and not any(fnmatchcase(case.name, glob) for case in experiment.cases for glob in choice.only):
        return ()
    of_memory = experiment.cases[0].experiment == "memory"
    share = memory_policy.DEFAULT_FRACTION if choice.memory_fraction is None else choice.memory_fraction
    wanted = {memory_policy.parse(name, share).name for name in choice.memory if of_memory}
    cases = (*experiment.cases, *_of_other_shares(wanted, experiment.cases))
    usual = experiment.brief if choice.brief and experiment.brief else experiment.usual
    globs = choice.only or (("*/function", f"{memory_policy.HOST}/*") if wanted else usual)
    return tuple(case for case in cases if is_reference(case) or _is_wanted(case, globs, wanted))


def _experiment(name: str, choice: Choice) -> Experiment:
    """The experiment with the share or the sizes that were asked for."""
    if name not in EXPERIMENTS:
        raise UsageError(f"No experiment {name!r}. {nearest(name, EXPERIMENTS)}")
    if name == "memory" and choice.memory_fraction is not None:
        return memory(memory_policy.check_fraction(choice.memory_fraction))
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
    asked = not policies_wanted or case.memory in policies_wanted or case.memory == memory_policy.HOST
    return asked and any(fnmatchcase(case.name, glob) for glob in globs)


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence with the known names closest to `name`, or all of them where none is close."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(known)}."
