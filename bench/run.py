"""One run from its options to its folder: check everything first, measure, save, draw."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from autoencoder import data
from autoencoder.errors import DataError
from bench import cases, device, folders, interrupts
from bench.cases import Case, Preset
from bench.errors import BenchError, ExitCode, Interrupted, UsageError
from bench.measure.cohort import Settings
from bench.measure.launcher import SERVER_COMMAND, Limits
from bench.measure.session import Launch, Session
from bench.observe import environment, nvml
from bench.results.document import Circumstances
from bench.results.recorder import Recorder
from bench.results.schema import Data, Device, Document, Plan, Status
from bench.view import View


@dataclass(frozen=True)
class Options:
    """What `bench run` was asked for. The last two are for tests: another server, other patience."""

    preset: Preset
    experiment: str = "modes"
    only: tuple[str, ...] = ()
    out: Path = Path("results")
    label: str | None = None
    seed: int = 1234
    data: str = "auto"
    profile: bool = True
    device: str = "auto"
    gpu: str | None = None
    tf32: bool | None = None
    server_command: tuple[str, ...] = SERVER_COMMAND
    limits: Limits | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its folder, the document in it, the exit code."""

    folder: Path
    document: Document
    exit_code: ExitCode


def run(options: Options, view: View) -> Outcome:
    """Measure what was asked for and leave a run folder, also when interrupted.

    Raises UsageError before anything is measured where the options, the device or the data are at fault, BenchError
    where measuring fails before the first cohort is done, and Interrupted where a signal comes before measuring.
    """
    with interrupts.raised_as_interrupted():
        return _run(options, view)


def _run(options: Options, view: View) -> Outcome:
    selected = cases.select(options.experiment, options.only)
    folders.check_label(options.label)
    choice = device.choose(options.device, options.gpu)
    view.say(_device_line(choice))
    _require_tensorflow()
    started = environment.now()
    folders.require_writable(options.out)
    fashion_mnist = _load_data(options.data, view)
    folder = folders.create(options.out, choice.slug, options.label, started)
    interleaved = not (choice.card and nvml.admits_one_process(choice.card))
    if not interleaved:
        view.say("The card admits one process at a time: cases run one after another, and drift moves their ratios.")
    circumstances = Circumstances(
        plan=_plan(options, selected, interleaved),
        device=_describe_device(options, choice),
        software=environment.software(),
        data=_describe_data(fashion_mnist),
        machine_info=environment.machine_info(options.label),
        commit_info=environment.commit_info(),
        started=started,
    )
    settings = Settings(
        device=choice.kind,
        tf32=options.tf32,
        seed=options.seed,
        preset=options.preset,
        limits=options.limits or Limits.for_device(choice.kind),
        folder=folder,
        interleaved=interleaved,
    )
    recorder = Recorder(circumstances, selected, folder / folders.RESULT)
    launch = Launch(options.server_command, fashion_mnist.location, choice, environment.for_servers(choice))
    return _measure(Session(settings, launch, options.profile, recorder, view), recorder, folder)


def _measure(session: Session, recorder: Recorder, folder: Path) -> Outcome:
    status: Status = "complete"
    reason = None
    try:
        try:
            session.measure()
        finally:
            session.close()
    except Interrupted:
        status = "interrupted"
    except BenchError as error:
        if not recorder.has_measured:
            raise
        status, reason = "failed", str(error)
    with interrupts.ignored():
        return _finish(recorder, folder, status, reason)


def _finish(recorder: Recorder, folder: Path, status: Status, reason: str | None) -> Outcome:
    document = recorder.save(status, reason)
    folders.set_latest(folder)
    if document.benchmarks:
        from bench.present import plots  # Matplotlib takes most of a second to import

        plots.save_steps_per_second(document, folder / "plots" / "steps_per_second.png")
    return Outcome(folder, document, _exit_code(document))


def _exit_code(document: Document) -> ExitCode:
    section = document.autoencoder_bench
    if section.status == "interrupted":
        return ExitCode.INTERRUPTED
    measured = all(case.status == "measured" for case in section.cases) and section.training is not None
    checked = all(benchmark.extra_info.same_model for benchmark in document.benchmarks)
    return ExitCode.OK if measured and checked and section.status == "complete" else ExitCode.FAILED


def _require_tensorflow() -> None:
    if importlib.util.find_spec("tensorflow") is None:
        raise UsageError(
            "TensorFlow is not installed. Install this project with its extra `cpu`, or `gpu` for an NVIDIA card: "
            "pip install -c constraints.txt -e '.[cpu]'"
        )


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


def _plan(options: Options, selected: tuple[Case, ...], interleaved: bool) -> Plan:
    return Plan(
        experiment=options.experiment,
        preset=options.preset.name,
        cohorts=options.preset.cohorts,
        rounds=options.preset.rounds,
        only=options.only,
        seed=options.seed,
        label=options.label,
        reference=cases.reference(selected).name,
        interleaved=interleaved,
    )


def _describe_device(options: Options, choice: device.DeviceChoice) -> Device:
    return Device(
        kind=choice.kind,
        why=choice.why,
        requested=options.device,
        name=_device_name(choice),
        gpus=(),
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
