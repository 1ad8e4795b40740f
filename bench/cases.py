"""What can be measured: cases, experiments and presets. Data only."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import msgspec

from bench.errors import UsageError


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One point to measure. The axes are open names: what gives them meaning lives below the worker."""

    experiment: str
    mode: str
    pipeline: str
    batch_size: int = 64
    memory: str = "growth"  # on a GPU, where the default policy would give the card to the first worker
    twin: bool = False  # a second replicate of the same case in every cohort: the noise of the method

    @property
    def name(self) -> str:
        """The case's name inside its experiment, as `--only` matches it."""
        return self.measured_as + ("/twin" if self.twin else "")

    @property
    def measured_as(self) -> str:
        """The name without the mark of the twin: cases of one such name do the same work."""
        return f"{self.mode}/{self.pipeline}"


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
    profile_steps: int = 20
    training_steps: int  # of the training run behind the loss curve and the reconstructions


def _modes() -> tuple[Case, ...]:
    pipelines, modes = ("resident", "notebook"), ("eager", "function", "xla")
    cases = [Case(experiment="modes", mode=mode, pipeline=pipeline) for pipeline in pipelines for mode in modes]
    return (*cases, Case(experiment="modes", mode="function", pipeline="resident", twin=True))


EXPERIMENTS: dict[str, tuple[Case, ...]] = {"modes": _modes()}
QUESTIONS: dict[str, str] = {"modes": "What do eager, tf.function and XLA cost, with and without an input pipeline?"}

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="quick",
            summary="4 cohorts of 20 to 60 blocks, for intervals of about 5 %: a first answer within two minutes",
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
            summary="3 to 16 cohorts, until intervals are within 2 %: at most five minutes",
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
            summary="3 to 16 cohorts, until intervals are within 1 %: at most a quarter of an hour",
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


def reference(cases: Iterable[Case]) -> Case:
    """The case that ratios are taken to, and which the twin repeats: `function/resident`."""
    return next(case for case in cases if case.mode == "function" and case.pipeline == "resident" and not case.twin)


def select(experiment: str, only: Sequence[str] = ()) -> tuple[Case, ...]:
    """The cases of an experiment whose names match one of the globs `only` (all, if none is given).

    The reference and its twin stay in: ratios are taken to the one, and the other shows the noise. Raises UsageError
    for an unknown experiment or a glob that matches nothing, with the nearest names.
    """
    if experiment not in EXPERIMENTS:
        raise UsageError(f"No experiment {experiment!r}. {nearest(experiment, EXPERIMENTS)}")
    cases = EXPERIMENTS[experiment]
    names = [case.name for case in cases]
    for glob in only:
        if not any(fnmatchcase(name, glob) for name in names):
            raise UsageError(f"No case of {experiment} matches {glob!r}. {nearest(glob, names)}")
    kept = reference(cases)
    return tuple(
        case
        for case in cases
        if not only or case == kept or case.twin or any(fnmatchcase(case.name, glob) for glob in only)
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence with the known names closest to `name`, or all of them where none is close."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(known)}."
