"""What a run is asked for, and the command that asks for the same again."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.compare.stored_run import Run
from bench.launch.place import Place
from bench.launch.server import SERVER_COMMAND
from bench.launch.worker import Timeouts
from bench.machine.affinity import Affinity
from bench.plan.case import Axes, write_axis
from bench.plan.preset import PROFILE, USUAL_PROFILE_STEPS, Preset
from bench.results.record import USUAL_TRACERS, Tracers
from bench.run.against import Against

NAMED_SOURCES = ("keras", "debian", "download", "sample")  # of data, that mean the same on every machine


@dataclass(frozen=True)
class Options:
    """What `bench run` was asked for. The last two are for tests and calibration: another server, other patience."""

    preset: Preset
    experiments: tuple[str, ...] = ()  # none: those that are usual in the preset
    only: tuple[str, ...] = ()
    axes: Axes = field(default_factory=dict)  # values to measure instead of an experiment's own
    allow_shared: bool = False
    out: Path = Path("results")
    label: str | None = None
    seed: int = 1234
    data: str = "auto"
    profile: bool = True
    tracers: Tracers = USUAL_TRACERS
    trace_cuda_graphs: bool = False
    device: str = "auto"
    gpu: str | None = None
    tf32: bool | None = None
    affinity: Affinity = "none"
    place: Place | None = None  # of this process among the ranks of a job
    wait_seconds: float = 60.0  # for the other ranks
    frameworks: Mapping[str, Path] = field(default_factory=dict)  # interpreters that have others than TensorFlow
    against: Against | None = None
    baseline: Run | None = None
    server_command: tuple[str, ...] = SERVER_COMMAND
    timeouts: Timeouts | None = None


def command_of(options: Options, axes: Axes, experiments: Iterable[str]) -> str:
    """What measures the same experiments with these values again, for a shell.

    Folders, files, GPUs and other interpreters are left out: they are the machine's own, and results travel.
    """
    if options.place:
        return shlex.join(_of_a_rank(options, axes))
    if options.preset.name == PROFILE.name:
        words = ["bench", "profile", *options.only, "--steps", str(options.preset.profile_steps)]
    else:
        words = ["bench", "run", "--preset", options.preset.name, *_for_run(options, axes)]
    words += [word for name in experiments for word in ("--experiment", name)]
    words += ["--seed", str(options.seed), *_tracing(options.tracers)]
    if options.trace_cuda_graphs:
        words.append("--trace-cuda-graphs")
    if options.data in NAMED_SOURCES:
        words += ["--data", options.data]
    if options.tf32 is not None:
        words += ["--tf32", "on" if options.tf32 else "off"]
    if options.affinity != "none":
        words += ["--affinity", options.affinity]
    if options.device != "auto":
        words += ["--device", options.device]
    return shlex.join(words)


def _of_a_rank(options: Options, axes: Axes) -> list[str]:
    """What each rank is started with; which of them it is, the scheduler says."""
    assert options.place
    words = ["bench", "rank", "--ranks", str(options.place.ranks), "--preset", options.preset.name]
    for axis in ("batch_size", "mode"):
        if axis in axes:
            words += ["--axis", write_axis(axis, axes[axis])]
    words += ["--seed", str(options.seed)]
    if options.data in NAMED_SOURCES:
        words += ["--data", options.data]
    return words


def _for_run(options: Options, axes: Axes) -> Iterator[str]:
    for glob in options.only:
        yield from ("--only", glob)
    for axis, values in axes.items():
        yield from ("--axis", write_axis(axis, values))
    if options.allow_shared:
        yield "--allow-shared"
    if not options.profile:
        yield "--no-profile"
    elif options.preset.profile_steps != USUAL_PROFILE_STEPS:
        yield from ("--profile-steps", str(options.preset.profile_steps))


def _tracing(tracers: Tracers) -> Iterator[str]:
    if tracers.host != USUAL_TRACERS.host:
        yield from ("--host-tracer", str(tracers.host))
    if tracers.python:
        yield "--python-tracer"
    if not tracers.device:
        yield "--no-device-tracer"
