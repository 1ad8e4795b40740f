"""The second phase of a run: check everything that can be checked before work is lost, and prepare to measure."""

import importlib.util
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psutil

from bench.compare.stored_run import Run
from bench.errors import NotComparable, UsageError
from bench.experiments.base import ExperimentPlan
from bench.launch.followers import Job
from bench.launch.worker import Timeouts
from bench.machine import affinity, cuda_cache, environment, facts
from bench.machine.cuda_cache import CudaCache
from bench.machine.device import DeviceChoice
from bench.measure.entry import BASE, NEW, Side
from bench.measure.servers import Launch
from bench.measure.settings import Settings
from bench.output.progress import View
from bench.plan import frameworks
from bench.plan.workload import WORKLOAD, DataError, Dataset
from bench.recording import fingerprint, folders
from bench.recording.build import Circumstances
from bench.recording.recorder import Recorder
from bench.results.schema import Data, Device, Pairing, Plan
from bench.run import against
from bench.run import job as jobs
from bench.run.against import Against
from bench.run.options import Options
from bench.run.plan import RunPlan


@dataclass(frozen=True)
class Ready:
    """Everything that measuring needs; nothing of it can still turn out to be wrong by itself."""

    experiments: tuple[ExperimentPlan, ...]
    settings: Settings
    launches: Mapping[Side, Launch]
    recorders: Mapping[Side, Recorder]
    cores: tuple[int, ...] | None  # to be bound to
    folder: Path
    profile: bool

    @property
    def job(self) -> Job | None:
        """Where the run is one of several ranks."""
        return self.settings.job


def preflight(options: Options, plan: RunPlan, view: View) -> Ready:
    """Check software, data, folders and the baseline, and make the run's folder.

    Raises UsageError where something is missing or unfit, NotComparable for a baseline that can not be compared with.
    """
    choice = plan.device
    view.say(f"Device: {choice.kind.upper()}, {_device_name(choice)} ({choice.why})")
    _require_tensorflow()
    commands = {frameworks.TENSORFLOW: options.server_command, **plan.interpreters.commands}
    of_sides: dict[Side, Mapping[str, tuple[str, ...]]] = {NEW: commands}
    if options.against:
        of_sides[BASE] = against.check(options.against, commands)
    started = environment.now()
    folders.require_text(options.out)
    folders.require_writable(options.out)
    dataset = _load_data(options.data, view)
    if options.baseline:
        _require_comparable(options.baseline, plan, dataset)
    for note in plan.notes:
        view.say(note)
    cores = affinity.cores(options.affinity, plan.gpu)
    cache = cuda_cache.prepare() if choice.gpu else None
    job = jobs.gather(options, choice, dataset, view)
    with jobs.told(job):
        folder = folders.create(options.out, choice.slug, options.label, started)
        return Ready(
            experiments=plan.experiments,
            settings=_settings(options, plan, folder, job),
            launches=_launches(of_sides, choice, dataset, cache),
            recorders=_recorders(
                options.against,
                _circumstances(options, plan, dataset, started, cores, cache, job),
                plan.experiments,
                folder,
            ),
            cores=cores,
            folder=folder,
            profile=options.profile,
        )


def _settings(options: Options, plan: RunPlan, folder: Path, job: Job | None) -> Settings:
    return Settings(
        device=plan.device.kind,
        gpu=plan.gpu,
        tf32=options.tf32,
        seed=options.seed,
        preset=options.preset,
        timeouts=options.timeouts or Timeouts.for_device(plan.device.kind),
        folder=folder,
        job=job,
        allow_shared=options.allow_shared,
        tracers=options.tracers,
        trace_cuda_graphs=options.trace_cuda_graphs,
    )


def _launches(
    commands: Mapping[Side, Mapping[str, tuple[str, ...]]],
    choice: DeviceChoice,
    dataset: Dataset,
    cache: CudaCache | None,
) -> dict[Side, Launch]:
    """How the servers of each side are started."""
    variables = {**environment.for_servers(choice), **(cache.environment if cache else {})}
    return {side: Launch(of_side, dataset.location, choice, variables) for side, of_side in commands.items()}


def _circumstances(
    options: Options,
    plan: RunPlan,
    dataset: Dataset,
    started: datetime,
    cores: tuple[int, ...] | None,
    cache: CudaCache | None,
    job: Job | None,
) -> Circumstances:
    return Circumstances(
        plan=Plan(
            preset=options.preset.name,
            only=options.only,
            seed=options.seed,
            label=options.label,
            command=plan.command,
        ),
        device=_describe_device(options, plan),
        software=environment.software(),
        data=_describe_data(dataset),
        machine_info=environment.machine_info(),
        commit_info=environment.commit_info(),
        started=started,
        facts=facts.look(bound_to=cores)
        | ({"cuda_cache": {"state": cache.fact}} if cache else {})
        | (job.facts if job else {}),
    )


def _recorders(
    other: Against | None, circumstances: Circumstances, experiments: tuple[ExperimentPlan, ...], folder: Path
) -> dict[Side, Recorder]:
    """One for each side, each with its file, in which the cases stand that are skipped too."""
    files: dict[Side, str] = {NEW: folders.RESULT}
    labels: dict[Side, str] = {NEW: circumstances.plan.label or NEW}
    if other:
        files[BASE], labels[BASE] = folders.BASE_RESULT, other.label
    run_id = uuid.uuid4().hex
    return {
        side: Recorder(
            replace(circumstances, pairing=Pairing(id=run_id, side=side, label=labels[side]) if other else None),
            experiments,
            folder / file,
            # Side by side the base's A/A control shows what two servers differ by, and there is no other.
            controls=side == BASE or other is None,
        )
        for side, file in files.items()
    }


def _require_tensorflow() -> None:
    if importlib.util.find_spec("tensorflow") is None:
        raise UsageError(
            "TensorFlow is not installed. Install this project with its extra `cpu`, or `gpu` for an NVIDIA GPU: "
            "pip install -c constraints.txt -e '.[cpu]'"
        )


def _require_comparable(baseline: Run, plan: RunPlan, dataset: Dataset) -> None:
    """Raise NotComparable where it is clear before measuring that the baseline cannot be compared with."""
    if not plan.cases & {*baseline.cases, *baseline.failed}:
        raise NotComparable(f"{baseline.path} has none of these cases. It is about {', '.join(baseline.references)}.")
    if baseline.workload != WORKLOAD.sha256:
        raise NotComparable(f"{baseline.path} was measured with another model, or its parameters.")
    if baseline.data != dataset.sha256:
        raise NotComparable(f"{baseline.path} was measured on other data. Choose the same with --data.")
    gpu, cpu = baseline.hardware.get("gpu"), baseline.hardware.get("cpu")
    if (gpu is None) != (plan.device.kind == "cpu") or cpu != environment.cpu_name():
        raise NotComparable(
            f"{baseline.path} was measured on {baseline.device}, and this is {_device_name(plan.device)}. "
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


def _load_data(source: str, view: View) -> Dataset:
    try:
        dataset = WORKLOAD.load(source, view.say)
    except DataError as error:
        raise UsageError(str(error)) from None
    view.say(WORKLOAD.describe_data(dataset))
    if dataset.note:
        view.say(dataset.note)
    return dataset


def _device_name(choice: DeviceChoice) -> str:
    """What the device is called before TensorFlow has been asked."""
    return environment.cpu_description() if choice.kind == "cpu" else choice.slug


def _describe_device(options: Options, plan: RunPlan) -> Device:
    choice, known = plan.device, plan.gpu.facts()
    driver, power_limit_watts = known["driver"].value, known["power_limit_watts"].value
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


def _describe_data(dataset: Dataset) -> Data:
    return Data(
        source=dataset.source,
        sha256=dataset.sha256,
        train_images=len(dataset.train_images),
        test_images=len(dataset.test_images),
        note=dataset.note,
    )
