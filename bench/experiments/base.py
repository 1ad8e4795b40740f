"""What an experiment is: its cases, what is measured beside their steps, and what a reader sees of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from bench.plan import environments
from bench.plan.case import ENVIRONMENT, Axes, Case, is_reference, reference, under, unvaried
from bench.plan.preset import Preset
from bench.protocol import Measure
from bench.results.record import CaseRecord, Quantities, RepetitionRecord, SameModel
from bench.results.schema import Document, Estimate, Stopping

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bench.output.grid import Grid

# Of a case, by name; a name ends in its unit (bench/results/units.py).
Figures = Mapping[str, Estimate]
# Measures in a worker, by the state that its backend keeps there: numbers by name, or the reason why there is none, by
# what the names of those begin with.
InWorker = Callable[[Any, Measure], Mapping[str, float | str]]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Something measured beside the steps, in every repetition: no single one has an interval.

    `of` a case: in its worker, after its samples. Of the device: in a worker of its own, after all cases.
    """

    name: str  # in the record, and among the functions of the experiment's workers
    of: Literal["case", "device"]
    says: str  # while it goes on
    applies: Callable[[Case], bool] = lambda case: True


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the report: what is drawn of the experiment, and the tables with the figures behind it."""

    title: str
    caption: str
    draw: Callable[[Document], Figure | None]
    grids: tuple[Callable[[Document], Grid], ...]


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One figure of the summary at the top of a report: a short question, and its answer in few words.

    `value` has its unit, `interval` says of what kind it is, `note` what the figure is of, and whether it is
    inconclusive. Without a value, which is None, `note` is the reason.
    """

    question: str
    value: str | None
    interval: str = ""
    note: str


def _none(document: Document) -> list[Headline]:
    return []


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """What a reader sees, each of a document with this one experiment.

    `headlines` are as many of every document, also of one without this experiment: what it has not has no value.
    `section` is None where the report's own sections show all there is.
    """

    findings: Callable[[Document], list[str]]
    table: Callable[[Document], Grid]
    headlines: Callable[[Document], list[Headline]] = _none
    section: Section | None = None


@dataclass(frozen=True, kw_only=True)
class ExperimentPlan:
    """One experiment of a run: its cases, those that are not measured with the reason, and how much of it."""

    experiment: Experiment
    cases: tuple[Case, ...]
    skipped: Mapping[Case, str] = field(default_factory=dict)
    preset: Preset
    interleaved: bool = True  # False where cases have the device to themselves, one after another

    @property
    def name(self) -> str:
        """The experiment's."""
        return self.experiment.name

    @property
    def reference(self) -> Case:
        """The case that ratios are taken to."""
        return reference(self.cases)


@dataclass(frozen=True)
class Measured:
    """What one experiment has measured so far."""

    plan: ExperimentPlan
    cases: Sequence[CaseRecord]
    repetitions: Sequence[RepetitionRecord]
    sides: SameModel | None
    stopping: Stopping | None
    quantities: Sequence[Quantities] = ()  # of the device

    def record(self, case: Case) -> CaseRecord | None:
        """What is known of this case where it was measured, None otherwise."""
        return next((one for one in self.cases if one.case == case and is_measured(one)), None)

    @property
    def reference(self) -> CaseRecord:
        """What is known of the case that ratios are taken to, whether or not it was measured."""
        return next(one for one in self.cases if one.case == self.plan.reference)


def is_measured(record: CaseRecord) -> bool:
    """Whether a case has a speed."""
    unhindered = record.failure is None and record.skipped is None
    return unhindered and bool(record.processes) and record.sample_size is not None


@dataclass(frozen=True)
class Room:
    """What a machine offers an experiment: bytes free on its GPU, None where there is none or it does not say; devices.

    `devices` are how many may share a step: the GPUs that may be used, or on a CPU the cores. `capability` is the GPU's
    compute capability, None where it does not say.
    """

    free_bytes: int | None
    devices: int
    on_gpu: bool = False
    capability: tuple[int, int] | None = None


def _as_chosen(axes: Axes, room: Room) -> Axes:
    return axes


def _can_be(case: Case, room: Room) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Cases that answer one question, and everything that is particular about them.

    `cases` makes them of the values chosen for axes, or of the experiment's own; the reference and its A/A control come
    with them. `usual` gives the globs of those that are measured where none are asked for, `brief` those in the
    shortest preset. `fit` chooses values for what the machine offers, where none are chosen; it raises UsageError for
    those that it does not offer. `why_not` says why a case is not measured on a machine, None where it is: never of the
    reference. `exhibit` and `worker` import what they need when they are called: Matplotlib, a
    framework.
    """

    name: str
    question: str
    axes: tuple[str, ...]  # what varies, in the order of a case's name
    own: Axes = field(default_factory=dict)  # values that mean something in its cases only
    main: tuple[str, ...] = ()  # the cases that stand for the others where there is room for a few
    cases: Callable[[Axes], Sequence[Case]]
    exhibit: Callable[[], Exhibit]
    usual: Callable[[Axes], tuple[str, ...]] = lambda axes: ("*",)
    brief: tuple[str, ...] | None = None  # None: as usual
    in_brief: bool = False  # whether the shortest preset measures it where no experiment is named
    fit: Callable[[Axes, Room], Axes] = _as_chosen
    why_not: Callable[[Case, Room], str | None] = _can_be
    on_request: bool = False  # measured only where it is named
    across_devices: bool = False  # its cases share several devices: all GPUs that may be used, or a CPU's cores
    alone: bool = False  # each case has a GPU to itself
    contexts: bool = True  # where it has, what a process takes beside its tensors is measured, mode by mode
    of_speed: bool = True  # False: it says how much, which noise in the times does not touch
    measurements: tuple[Measurement, ...] = ()
    figures: Callable[[Measured], Mapping[str, Figures]] = lambda measured: {}  # by the names of cases
    worker: Callable[[], Mapping[str, InWorker]] = dict  # what measures, by name


def varies(experiment: Experiment, axis: str) -> bool:
    """Whether values of this axis can be chosen for the experiment."""
    return axis in experiment.axes or axis == ENVIRONMENT


def cases_of(experiment: Experiment, axes: Axes | None = None) -> tuple[Case, ...]:
    """All its cases with these values, and whatever is not among them of the reference and its A/A control.

    Raises UsageError for values that there are not.
    """
    chosen = {name: values for name, values in (axes or {}).items() if name in experiment.axes}
    cases = tuple(dict.fromkeys(experiment.cases(chosen)))
    if not any(is_reference(case) for case in cases):
        cases = (unvaried(experiment.name, experiment.axes), *cases)
    # The usual one is always there, to hold the others against.
    others = [str(one) for one in (axes or {}).get(ENVIRONMENT, ()) if one != environments.USUAL]
    cases = (*cases, *(under(case, environment) for environment in others for case in cases))
    return (*cases, *(msgspec.structs.replace(case, control=True) for case in cases if is_reference(case)))
