"""One run from its options to its folder: check everything first, measure, save, draw."""

import importlib.util
import traceback
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from autoencoder import data
from autoencoder.errors import DataError
from bench.compare.stored_run import Run
from bench.errors import BenchError, ExitCode, Interrupted, NotComparable, UsageError, worst
from bench.experiments import selection
from bench.experiments.base import ExperimentPlan
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.selection import Choice
from bench.machine import affinity, cuda_cache, device, environment, facts, interrupts, nvml
from bench.measure import entry
from bench.measure.entry import BASE, NEW, Side
from bench.measure.launcher import Limits
from bench.measure.servers import Launch
from bench.measure.session import Session, Wanted
from bench.measure.settings import Settings
from bench.output.progress import View
from bench.plan import memory_policy, workload
from bench.plan.case import Axes, Case
from bench.plan.preset import BRIEF_PRESET, shared_out
from bench.recording import fingerprint, folders
from bench.recording.build import Circumstances
from bench.recording.recorder import ExperimentRecorder, Recorder
from bench.results.schema import Data, Device, Document, Pairing, Plan, Status
from bench.run import against
from bench.run.against import Against
from bench.run.artifacts import finish
from bench.run.options import Options, command_of


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its folder, the document in it, that of the base side if there is one, the exit code."""

    folder: Path
    document: Document
    base: Document | None
    exit_code: ExitCode


def run(options: Options, view: View) -> Outcome:
    """Measure what was asked for and leave a run folder, also when interrupted.

    Raises UsageError before anything is measured where the options, the device or the data are at fault, BenchError
    where measuring fails before the first cohort is done, and Interrupted where a signal comes before measuring.
    """
    with interrupts.raised_as_interrupted():
        return _run(options, view)


def _run(options: Options, view: View) -> Outcome:
    folders.check_label(options.label)
    choice = device.choose(options.device, options.gpu, known=nvml.cards)
    card = nvml.open_card(choice.card) if choice.card else nvml.Card(absent="no GPU")
    names = _experiments(options)
    options = replace(options, axes=_axes(options, names, choice, card))
    brief = options.preset.name == BRIEF_PRESET
    selected = selection.select(Choice(names, only=options.only, axes=options.axes, brief=brief))
    view.say(_device_line(choice))
    _require_tensorflow()
    if options.against:
        against.check(options.against)
    started = environment.now()
    folders.require_text(options.out)
    folders.require_writable(options.out)
    fashion_mnist = _load_data(options.data, view)
    if options.baseline:
        _require_comparable(options.baseline, selected, choice, fashion_mnist)
    interleaved = _interleaved(selected, options, card, choice, view)
    cores = affinity.cores(options.affinity, card)
    cache = cuda_cache.prepare() if choice.card else None
    folder = folders.create(options.out, choice.slug, options.label, started)
    circumstances = Circumstances(
        plan=Plan(
            preset=options.preset.name,
            only=options.only,
            seed=options.seed,
            label=options.label,
            command=command_of(options, selected),
        ),
        device=_describe_device(options, choice, card),
        software=environment.software(),
        data=_describe_data(fashion_mnist),
        machine_info=environment.machine_info(),
        commit_info=environment.commit_info(),
        started=started,
        facts=facts.look(bound_to=cores) | ({"cuda_cache": {"state": cache.fact}} if cache else {}),
    )
    settings = Settings(
        device=choice.kind,
        card=card,
        tf32=options.tf32,
        seed=options.seed,
        preset=options.preset,
        limits=options.limits or Limits.for_device(choice.kind),
        folder=folder,
        allow_shared=options.allow_shared,
        tracers=options.tracers,
        trace_cuda_graphs=options.trace_cuda_graphs,
    )
    presets = shared_out(options.preset, tuple(selected))
    experiments = [
        _experiment(chosen, replace(settings, preset=presets[name], interleaved=interleaved[name]), options, choice)
        for name, chosen in selected.items()
    ]
    recorders = _recorders(options.against, circumstances, experiments, folder)
    variables = {**environment.for_servers(choice), **(cache.environment if cache else {})}
    launches = {NEW: Launch(options.server_command, fashion_mnist.location, choice, variables)}
    if options.against:
        command, variables = options.against.server_command, {**variables, **against.ENVIRONMENT}
        launches[BASE] = Launch(command, fashion_mnist.location, choice, variables)
    session = Session([one.wanted for one in experiments], launches, recorders, options.profile, view)
    with affinity.bound(cores):
        return _measure(session, recorders, folder, view)


def _experiments(options: Options) -> tuple[str, ...]:
    """Those that were named, or of the baseline, or that vary what was chosen, or that are usual in the preset."""
    if options.experiments:
        return options.experiments
    of_baseline = options.baseline.references if options.baseline and not options.axes else ()
    if known := tuple(name for name in of_baseline if name in EXPERIMENTS):
        return known
    return selection.experiments_about(options.axes, options.preset.name, side_by_side=options.against is not None)


def _axes(options: Options, experiments: Sequence[str], choice: device.DeviceChoice, card: nvml.Card) -> Axes:
    """What was chosen, and on a GPU what it needs; they stand in the command of the result then."""
    if not choice.card:
        return options.axes
    memory, _ = card.memory()
    return selection.with_fitting(options.axes, experiments, memory.total - memory.used if memory else None)


@dataclass(frozen=True)
class _Experiment:
    """One experiment of the run: what is measured, and the cases that are not, with the reason."""

    wanted: Wanted
    skipped: Mapping[Case, str]

    def recorder(self, side: Side) -> ExperimentRecorder:
        """A new record of one side of it."""
        settings, entries = self.wanted.settings, self.wanted.entries
        plan = ExperimentPlan(
            experiment=self.wanted.experiment,
            preset=settings.preset,
            reference=entries.reference.case.name,
            interleaved=settings.interleaved,
        )
        return ExperimentRecorder(plan, [one.case for one in entries.all if one.side == side], self.skipped)


def _experiment(
    selected: tuple[Case, ...], settings: Settings, options: Options, choice: device.DeviceChoice
) -> _Experiment:
    measured, skipped = _split(selected, choice)
    entries = entry.of(measured, side_by_side=options.against is not None)
    return _Experiment(Wanted(EXPERIMENTS[selected[0].experiment], entries, settings), skipped)


def _interleaved(
    experiments: Iterable[str], options: Options, card: nvml.Card, choice: device.DeviceChoice, view: View
) -> dict[str, bool]:
    """For each experiment whether workers share the device.

    Raises UsageError where two interpreters would have to, and cannot.
    """
    found = {}
    for name in experiments:
        if choice.card and card.admits_one_process:
            why, remedy = "The card admits one process at a time", "nvidia-smi -c 0"
        elif choice.card and EXPERIMENTS[name].alone:
            why, remedy = "Each of these cases has the card to itself", "compare two results instead"
        else:
            found[name] = True
            continue
        if options.against:
            raise UsageError(f"{why}, so two interpreters cannot take turns: {remedy}.")
        view.say(f"{why}: the cases of {name} run one after another, and drift moves their ratios.")
        found[name] = False
    return found


def _split(selected: tuple[Case, ...], choice: device.DeviceChoice) -> tuple[tuple[Case, ...], dict[Case, str]]:
    """The cases to measure on this device, and those to skip, with the reason.

    On a GPU the memory of the host is measured beside every policy, so its cases are not even skipped there.
    """
    if choice.card or not any(case.memory == memory_policy.HOST for case in selected):
        return tuple(case for case in selected if case.memory != memory_policy.HOST), {}
    measured = tuple(case for case in selected if case.memory == memory_policy.HOST)
    reason = f"a memory policy is a GPU's, and this runs on the CPU ({choice.why})"
    return measured, {case: reason for case in selected if case not in measured and not case.twin}


def _recorders(
    against: Against | None, circumstances: Circumstances, experiments: Sequence[_Experiment], folder: Path
) -> dict[Side, Recorder]:
    """One for each side, each with its file, in which the cases stand that are skipped too."""
    files: dict[Side, str] = {NEW: folders.RESULT}
    labels: dict[Side, str] = {NEW: circumstances.plan.label or NEW}
    if against:
        files[BASE], labels[BASE] = folders.BASE_RESULT, against.label
    run_id = uuid.uuid4().hex
    return {
        side: Recorder(
            replace(circumstances, pairing=Pairing(id=run_id, side=side, label=labels[side]) if against else None),
            {one.wanted.name: one.recorder(side) for one in experiments},
            folder / file,
        )
        for side, file in files.items()
    }


def _measure(session: Session, recorders: Mapping[Side, Recorder], folder: Path, view: View) -> Outcome:
    status: Status = "complete"
    reason = None
    try:
        try:
            session.measure()
        finally:
            session.close()
    except Interrupted as interrupt:
        status, reason = "interrupted", interrupt.reason
    except Exception as error:  # whatever it is: what was measured is saved, finished and said
        if not recorders[NEW].has_measured:
            raise
        status, reason = "failed", str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, BenchError | OSError):
            (folder / "logs" / "error.log").write_text(traceback.format_exc(), errors="replace")
    finally:
        folders.give_up_reserve(folder)
    with interrupts.ignored():
        finished = finish(recorders, folder, status, reason, view)
        with suppress(OSError):  # which run is the newest is no part of it
            folders.set_latest(folder)
    document = finished.documents[NEW]
    exit_code = worst([_exit_code(document), ExitCode.OK if finished.whole else ExitCode.FAILED])
    return Outcome(folder, document, finished.documents.get(BASE), exit_code)


def _exit_code(document: Document) -> ExitCode:
    section = document.autoencoder_bench
    if section.status == "interrupted":
        return ExitCode.INTERRUPTED
    states = [case.status for experiment in section.experiments for case in experiment.cases]
    measured = all(status in ("measured", "skipped") for status in states) and section.training is not None
    checked = all(benchmark.extra_info.same_model for benchmark in document.benchmarks)
    return ExitCode.OK if measured and checked and section.status == "complete" else ExitCode.FAILED


def _require_tensorflow() -> None:
    if importlib.util.find_spec("tensorflow") is None:
        raise UsageError(
            "TensorFlow is not installed. Install this project with its extra `cpu`, or `gpu` for an NVIDIA card: "
            "pip install -c constraints.txt -e '.[cpu]'"
        )


def _require_comparable(
    baseline: Run,
    selected: Mapping[str, Sequence[Case]],
    choice: device.DeviceChoice,
    fashion_mnist: data.FashionMnist,
) -> None:
    """Raise NotComparable where it is clear before measuring that the baseline cannot be compared with."""
    if not {case.full_name for chosen in selected.values() for case in chosen} & {*baseline.cases, *baseline.failed}:
        raise NotComparable(f"{baseline.path} has none of these cases. It is about {', '.join(baseline.references)}.")
    if baseline.workload != workload.describe()[0]:
        raise NotComparable(f"{baseline.path} was measured with another model, or its parameters.")
    if baseline.data != fashion_mnist.sha256:
        raise NotComparable(f"{baseline.path} was measured on other data. Choose the same with --data.")
    gpu, cpu = baseline.hardware.get("gpu"), baseline.hardware.get("cpu")
    if (gpu is None) != (choice.kind == "cpu") or cpu != environment.cpu_name():
        raise NotComparable(
            f"{baseline.path} was measured on {baseline.device}, and this is {_device_name(choice)}. "
            "Measure without --baseline; `bench compare` shows ratios across hardware."
        )
    usable = fingerprint.restrictions(psutil.cpu_count(logical=True), facts.look())
    theirs = {name: baseline.hardware.get(name) for name in fingerprint.RESTRICTIONS}
    if theirs != {name: usable.get(name) for name in fingerprint.RESTRICTIONS}:
        raise NotComparable(
            f"{baseline.path} was measured with {_restricted(theirs)}, and here it is {_restricted(usable)}. Measure "
            "with the same, as by taskset or the container's limits."
        )


def _restricted(restrictions: Mapping[str, object]) -> str:
    said = [f"{name.replace('_', ' ')} {value}" for name, value in restrictions.items() if value is not None]
    return ", ".join(said) or "all cores"


def _load_data(source: str, view: View) -> data.FashionMnist:
    try:
        fashion_mnist = data.load(source, say=view.say)
    except DataError as error:
        raise UsageError(str(error)) from None
    view.say(data.describe(fashion_mnist))
    if fashion_mnist.note:
        view.say(fashion_mnist.note)
    return fashion_mnist


def _device_line(choice: device.DeviceChoice) -> str:
    return f"Device: {choice.kind.upper()}, {_device_name(choice)} ({choice.why})"


def _device_name(choice: device.DeviceChoice) -> str:
    """What the device is called before TensorFlow has been asked."""
    return environment.cpu_description() if choice.kind == "cpu" else choice.slug


def _describe_device(options: Options, choice: device.DeviceChoice, card: nvml.Card) -> Device:
    facts = card.facts()
    driver, power_limit_watts = facts["driver"].value, facts["power_limit_watts"].value
    return Device(
        kind=choice.kind,
        why=choice.why,
        requested=options.device,
        name=_device_name(choice),
        gpus=(),
        driver=None if driver is None else str(driver),
        power_limit_watts=None if power_limit_watts is None else float(power_limit_watts),
        environment=environment.recorded(choice),
        tf32=options.tf32,
    )


def _describe_data(fashion_mnist: data.FashionMnist) -> Data:
    return Data(
        source=fashion_mnist.source,
        sha256=fashion_mnist.sha256,
        train_images=len(fashion_mnist.train_images),
        test_images=len(fashion_mnist.test_images),
        note=fashion_mnist.note,
    )
