"""Which cases are wanted, from what the user names."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bench.errors import UsageError
from bench.experiments.base import Experiment, Room, cases_of, varies
from bench.experiments.registry import EXPERIMENTS, usual_experiments
from bench.plan import environments, frameworks
from bench.plan.case import ENVIRONMENT, Axes, Case, Value, is_reference, under

# Axes whose values are names of what the worker has: any that some experiment measures by itself.
_NAMED = ("mode", "pipeline", "strategy", "precision", "framework")
# More than any machine has: its cases are all that there are.
_ANY_ROOM = Room(free_bytes=2**60, devices=64, on_gpu=True)


@dataclass(frozen=True)
class Choice:
    """Which cases are wanted: of each experiment those that match one of the globs `only`, or its usual ones.

    `axes` are values to measure instead of an experiment's own, and `fitted` the same with those that the machine asks
    for, by experiment. With `brief`, the fewer cases of a first answer.
    """

    experiments: tuple[str, ...]
    only: tuple[str, ...] = ()
    axes: Axes = field(default_factory=dict)
    fitted: Mapping[str, Axes] = field(default_factory=dict)
    brief: bool = False


def select(choice: Choice) -> dict[str, tuple[Case, ...]]:
    """The cases that are wanted of each experiment; one of which no glob matches a case is left out.

    The reference and its A/A control stay in: one for the ratios, the other for the noise. Raises UsageError for an
    unknown experiment or value, or a glob that matches nothing, with the nearest names or the valid range.
    """
    experiments = [experiment_named(name) for name in dict.fromkeys(choice.experiments)]
    _check_axes(choice.axes, experiments)
    cases = {one.name: cases_of(one, choice.fitted.get(one.name, choice.axes)) for one in experiments}
    names = [case.name for some in cases.values() for case in some]
    for glob in choice.only:
        if not any(_matches(case, glob) for some in cases.values() for case in some):
            raise UsageError(f"No case of {', '.join(cases)} matches {glob!r}. {nearest(glob, names)}")
    return {one.name: found for one in experiments if (found := _wanted(one, cases[one.name], choice))}


def experiment_named(name: str) -> Experiment:
    """The experiment of this name. Raises UsageError where there is none, with the nearest names."""
    if name not in EXPERIMENTS:
        raise UsageError(f"No experiment {name!r}. {nearest(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]


def experiments_about(axes: Axes, preset: str, side_by_side: bool = False) -> tuple[str, ...]:
    """The experiments that are measured where none is named: the preset's, or those that vary what was chosen.

    Of the preset's own those that vary every chosen axis, where there are such; else of all; else whichever vary one.
    Those that are measured on request come last.
    """
    axes = {axis: values for axis, values in axes.items() if axis != ENVIRONMENT}
    usual = usual_experiments(preset, side_by_side)
    unasked = tuple(name for name, one in EXPERIMENTS.items() if not one.on_request)
    for names in (usual, unasked, tuple(EXPERIMENTS)):
        if found := tuple(name for name in names if set(axes) <= set(EXPERIMENTS[name].axes)):
            return found
    # Several axes that no experiment varies together: each for itself.
    each = [experiments_about({axis: ()}, preset, side_by_side) for axis in axes]
    return tuple(name for name in EXPERIMENTS if any(name in names for names in each))


def case_named(name: str, experiment: str | None) -> Case:
    """The case of exactly this name to be traced, of the first experiment that has one, or of the one that is named.

    Raises UsageError where there is none, with the nearest names, or where it is in a framework that is not traced.
    """
    experiments = list(EXPERIMENTS.values()) if experiment is None else [experiment_named(experiment)]
    # Also those that only a GPU gets, however large it is.
    known = [
        case
        for one in experiments
        for case in (*cases_of(one), *cases_of(one, one.fit({}, _ANY_ROOM)))
        if not case.control
    ]
    if found := next((case for case in known if case.name == name), None):
        if found.framework != frameworks.TENSORFLOW:
            raise UsageError(f"{name}: only cases in TensorFlow are traced. Choose one of those in `bench list`.")
        return found
    of_experiment = f" of {experiment}" if experiment else ""
    raise UsageError(f"No case {name!r}{of_experiment}. {nearest(name, dict.fromkeys(case.name for case in known))}")


def _wanted(experiment: Experiment, cases: tuple[Case, ...], choice: Choice) -> tuple[Case, ...]:
    if choice.only and not any(_matches(case, glob) for case in cases for glob in choice.only):
        return ()
    own = _own(choice.axes, experiment)
    usual = experiment.brief if choice.brief and experiment.brief and not own else experiment.usual(own)
    globs = choice.only or usual
    return tuple(case for case in cases if is_reference(case) or any(_matches(case, glob) for glob in globs))


def _matches(case: Case, glob: str) -> bool:
    """By its name; or, under other variables of the environment, by the one that it has under the usual ones."""
    return fnmatchcase(case.name, glob) or fnmatchcase(under(case, environments.USUAL).name, glob)


def _own(axes: Axes, experiment: Experiment) -> Axes:
    return {name: values for name, values in axes.items() if name in experiment.axes}


def _check_axes(axes: Axes, experiments: Sequence[Experiment]) -> None:
    """Raise UsageError for an axis that none of the experiments varies, or a value that nobody knows."""
    for environment in axes.get(ENVIRONMENT, ()):
        environments.parse(str(environment))
    for axis, values in axes.items():
        if not any(varies(experiment, axis) for experiment in experiments):
            able = " or ".join(name for name, one in EXPERIMENTS.items() if axis in one.axes)
            raise UsageError(f"--axis {axis}: no experiment chosen varies it. It goes with --experiment {able}.")
        if axis in _NAMED:
            known = dict.fromkeys(str(getattr(case, axis)) for one in EXPERIMENTS.values() for case in cases_of(one))
            for value in values:
                if value not in known:
                    raise UsageError(f"--axis {axis}: no {axis} {value!r}. {nearest(str(value), known)}")
                _check_own(axis, value, experiments)


def _check_own(axis: str, value: Value, experiments: Iterable[Experiment]) -> None:
    """Raise UsageError for a value of one experiment that another was asked to measure."""
    owners = [name for name, one in EXPERIMENTS.items() if value in one.own.get(axis, ())]
    if owners and any(axis in one.axes and one.name not in owners for one in experiments):
        raise UsageError(f"--axis {axis}={value}: only --experiment {' or '.join(owners)} measures it, and alone.")


def fitted(axes: Axes, experiments: Iterable[str], room: Room) -> dict[str, Axes]:
    """For each of these experiments, the axes with the values that the machine asks for where none were chosen.

    Raises UsageError for values that it does not offer.
    """
    return {name: experiment_named(name).fit(axes, room) for name in experiments}


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence with the known names closest to `name`, or all of them where none is close."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(known)}."
