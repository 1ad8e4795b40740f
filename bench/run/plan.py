"""The first phase of a run: from its options and the device to what is measured, and how much of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.errors import UsageError
from bench.experiments import selection
from bench.experiments.base import Experiment, ExperimentPlan, Room, varies
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.selection import Choice
from bench.machine import cores, device, nvml
from bench.machine.device import DeviceChoice
from bench.plan import frameworks, memory_policy
from bench.plan.case import Axes, Case
from bench.plan.preset import BRIEF_PRESET, shared_out
from bench.recording import folders
from bench.run import interpreters
from bench.run.interpreters import Interpreters
from bench.run.options import Options, command_of


@dataclass(frozen=True)
class RunPlan:
    """What a run measures on which device; `notes` are what its user has to know of that.

    `command` asks for the same again, with the values that were chosen for this device.
    """

    device: DeviceChoice
    gpu: nvml.Gpu
    experiments: tuple[ExperimentPlan, ...]
    interpreters: Interpreters
    notes: tuple[str, ...]
    command: str

    @property
    def cases(self) -> set[str]:
        """The full names of all cases, also of those that this device makes no sense for."""
        return {case.full_name for one in self.experiments for case in (*one.cases, *one.skipped)}


def plan(options: Options) -> RunPlan:
    """Choose the device, the experiments and their cases.

    Raises UsageError where the options contradict each other or the device, or name what there is not.
    """
    folders.check_label(options.label)
    names = experiment_names(options)
    several = any(selection.experiment_named(name).across_devices for name in names)
    choice = device.choose(options.device, options.gpu, known=nvml.gpus, several=several)
    gpu = nvml.open_gpu(choice.gpu) if choice.gpu else nvml.Gpu(absent="no GPU")
    room = room_of(choice, gpu)
    if options.place:
        room = replace(room, devices=options.place.ranks)
    fitted = selection.fitted(options.axes, names, room)
    brief = options.preset.name == BRIEF_PRESET
    selected = selection.select(Choice(names, only=options.only, axes=options.axes, fitted=fitted, brief=brief))
    presets = shared_out(options.preset, tuple(selected))
    used = dict.fromkeys(case.framework for cases in selected.values() for case in cases)
    found = interpreters.find([name for name in used if name != frameworks.TENSORFLOW], options.frameworks)
    reasons = {name: _why_one_by_one(name, choice, gpu) for name in selected}
    if options.against and (why := next(filter(None, reasons.values()), None)):
        remedy = "nvidia-smi -c 0" if gpu.admits_one_process else "compare two results instead"
        raise UsageError(f"{why}, so two interpreters cannot take turns: {remedy}.")
    return RunPlan(
        device=choice,
        gpu=gpu,
        experiments=tuple(
            ExperimentPlan(
                experiment=EXPERIMENTS[name],
                cases=measured,
                skipped=skipped,
                preset=presets[name],
                interleaved=reasons[name] is None,
            )
            for name, cases in selected.items()
            for measured, skipped in [_split(EXPERIMENTS[name], cases, choice, room, found)]
        ),
        interpreters=found,
        notes=tuple(
            f"{why}: the cases of {name} run one after another, and drift moves their ratios."
            for name, why in reasons.items()
            if why
        ),
        command=command_of(options, _common([_varied(fitted[name], name) for name in selected]), selected),
    )


def experiment_names(options: Options) -> tuple[str, ...]:
    """Those that were named, or of the baseline, or that vary what was chosen, or that are usual in the preset."""
    if options.experiments:
        return options.experiments
    of_baseline = options.baseline.references if options.baseline and not options.axes else ()
    if known := tuple(name for name in of_baseline if name in EXPERIMENTS):
        return known
    return selection.experiments_about(options.axes, options.preset.name, side_by_side=options.against is not None)


def room_of(choice: DeviceChoice, gpu: nvml.Gpu) -> Room:
    """What the device that was chosen offers an experiment."""
    if not choice.gpu:
        return Room(free_bytes=None, devices=len(cores.of_devices()))
    memory, _ = gpu.memory()
    free_bytes = memory.total - memory.used if memory else None
    return Room(free_bytes, len(choice.gpus), on_gpu=True, capability=gpu.compute_capability())


def _varied(axes: Axes, experiment: str) -> Axes:
    """Those that the experiment varies: the others would be refused where they are asked for again."""
    return {axis: values for axis, values in axes.items() if varies(EXPERIMENTS[experiment], axis)}


def _common(of_experiments: Sequence[Axes]) -> Axes:
    """The values on which experiments agree, where they vary the same axis: a command has one list of each."""
    names = dict.fromkeys(axis for axes in of_experiments for axis in axes)
    values = {axis: {axes[axis] for axes in of_experiments if axis in axes} for axis in names}
    return {axis: next(iter(known)) for axis, known in values.items() if len(known) == 1}


def _why_one_by_one(name: str, choice: DeviceChoice, gpu: nvml.Gpu) -> str | None:
    """Why the workers of an experiment cannot share the device, None where they can."""
    if not choice.gpu:
        return None
    if gpu.admits_one_process:
        return "The GPU admits one process at a time"
    return "Each of these cases has the GPU to itself" if EXPERIMENTS[name].alone else None


def _split(
    experiment: Experiment, selected: tuple[Case, ...], choice: DeviceChoice, room: Room, found: Interpreters
) -> tuple[tuple[Case, ...], Mapping[Case, str]]:
    """The cases to measure on this device, and those to skip, with the reason.

    On a GPU the memory of the host is measured beside every policy, so its cases are not even skipped there.
    """
    reasons = ((case, found.missing.get(case.framework) or experiment.why_not(case, room)) for case in selected)
    unfit = {case: reason for case, reason in reasons if reason}
    fit = tuple(case for case in selected if case not in unfit)
    if choice.gpu or not any(case.memory == memory_policy.HOST for case in fit):
        return tuple(case for case in fit if case.memory != memory_policy.HOST), unfit
    measured = tuple(case for case in fit if case.memory == memory_policy.HOST)
    reason = f"memory policies need a GPU ({choice.why})"
    return measured, unfit | {case: reason for case in fit if case not in measured and not case.control}
