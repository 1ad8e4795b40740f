"""Commands that measure: run, profile."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from bench.commands import axes
from bench.commands.options import (
    AffinityName,
    AffinityOption,
    CudaGraphs,
    Data,
    Device,
    DeviceName,
    DeviceTracer,
    Gpu,
    History,
    HostTracer,
    Label,
    OnOff,
    Out,
    PresetName,
    PythonTracer,
    Seed,
    Strict,
    Tf32,
    Threshold,
)
from bench.errors import ExitCode, worst
from bench.experiments.base import cases_of
from bench.experiments.registry import EXPERIMENTS
from bench.machine import interrupts
from bench.plan.preset import PRESETS, PROFILE, USUAL_PROFILE_STEPS
from bench.recording.paths import user_path
from bench.results.record import USUAL_TRACERS, Tracers

_EXAMPLE = cases_of(next(iter(EXPERIMENTS.values())))[-2].name
_AUTO = "auto"  # of --baseline; a file of that name is ./auto


def run(
    preset: Annotated[PresetName, typer.Option(help="How much is measured; `bench list` describes them.")] = (
        PresetName.quick
    ),
    experiment: Annotated[
        list[str] | None,
        typer.Option(
            help="Which question is measured; may be repeated, and `bench list` shows them. Default: those of the "
            "preset, or with --against the first of them."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only cases that match, as 'xla/*'; may be repeated."),
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V,V",
            help="Values to measure on an axis instead of an experiment's own: mode, pipeline, batch_size, memory; as "
            "batch_size=8,64 or memory=growth,fraction-0.5. May be repeated.",
        ),
    ] = None,
    memory: Annotated[
        list[str] | None, typer.Option(metavar="POLICY", help="The same as --axis memory=POLICY; may be repeated.")
    ] = None,
    memory_fraction: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Of the GPU's memory, in the policies that have one; default: 0.9."),
    ] = None,
    batch_sizes: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="The same as --axis batch_size=N,N,...")
    ] = None,
    allow_shared: Annotated[
        bool, typer.Option("--allow-shared", help="Reserve a GPU's memory though somebody else is using the GPU.")
    ] = False,
    out: Out = Path("results"),
    label: Label = None,
    seed: Seed = 1234,
    data: Data = "auto",
    profile: Annotated[bool, typer.Option(help="Take a TensorBoard profile of every case.")] = True,
    profile_steps: Annotated[int, typer.Option(min=3, max=10_000, help="Steps in each profile.")] = USUAL_PROFILE_STEPS,
    host_tracer: HostTracer = USUAL_TRACERS.host,
    python_tracer: PythonTracer = USUAL_TRACERS.python,
    device_tracer: DeviceTracer = USUAL_TRACERS.device,
    trace_cuda_graphs: CudaGraphs = False,
    device: Device = DeviceName.auto,
    gpu: Gpu = None,
    tf32: Tf32 = None,
    affinity: AffinityOption = AffinityName.none,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="PYTHON[=LABEL]",
            help="Measure the same cases with this interpreter too, in the same rounds: another virtual environment "
            "with another TensorFlow, or another revision of this suite. Gives verdicts.",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|auto",
            help="Compare with this result of the same hardware afterwards; auto: with the newest below DIR/baselines "
            "(of --out) that is of this machine and software, and all of those say what runs vary by.",
        ),
    ] = None,
    history: History = None,
    threshold: Threshold = None,
    strict: Strict = False,
) -> None:
    """Measure, and leave a folder with results, plots and TensorBoard profiles.

    Every case runs in processes of its own, in interleaved rounds. An interrupt saves what was measured.
    """
    from bench.compare import verdict_tables
    from bench.compare.compare import Rules
    from bench.output import progress_bar
    from bench.report import job_summary, summary
    from bench.run import baselines, gate
    from bench.run.against import parse as parse_against
    from bench.run.options import Options

    console = Console(emoji=False)
    options = Options(
        preset=msgspec.structs.replace(PRESETS[preset.value], profile_steps=profile_steps),
        experiments=tuple(experiment or ()),
        only=tuple(only or ()),
        axes=axes.chosen(axis or (), memory or (), memory_fraction, batch_sizes),
        allow_shared=allow_shared,
        out=out,
        label=label,
        seed=seed,
        data=data,
        profile=profile,
        tracers=Tracers(host=host_tracer, python=python_tracer, device=device_tracer),
        trace_cuda_graphs=trace_cuda_graphs,
        device=device.value,
        gpu=gpu,
        tf32=None if tf32 is None else tf32 is OnOff.on,
        affinity=affinity.value,
        against=parse_against(against) if against else None,
    )
    wanted = gate.Wanted(
        baseline=user_path(baseline) if baseline and baseline != _AUTO else None,
        baselines=out / baselines.FOLDER if baseline == _AUTO else None,
        history=history,
        rules=Rules(threshold=threshold),
        strict=strict,
    )
    with progress_bar.open_view(console, summary.so_far) as view:
        found = gate.run(options, wanted, view)
    outcome = found.outcome
    if reason := outcome.document.autoencoder_bench.status_reason:
        typer.echo(f"bench: ended: {reason}. What was measured is saved in {outcome.folder}", err=True)
    with interrupts.ignored() if outcome.exit_code == ExitCode.INTERRUPTED else nullcontext():
        summary.show(outcome.document, outcome.folder, console)
        if found.comparison:
            verdict_tables.show([found.comparison], console)
        if found.trend:
            verdict_tables.show_grid(verdict_tables.trend(found.trend), console)
        if found.why_none:
            console.print(
                verdict_tables.without_baseline(found.why_none, outcome.folder),
                soft_wrap=True,
                markup=False,
                highlight=False,
            )
        try:
            job_summary.write(outcome.document, os.environ, found.comparison, found.trend, found.why_none)
        except (OSError, ValueError) as error:  # the exit code is about the run
            console.print(f"No summary of the job: {error}", soft_wrap=True, markup=False, highlight=False)
    raise typer.Exit(found.exit_code)


def profile(
    case: Annotated[str, typer.Argument(metavar="CASE", help=f"A case, as `bench list` names it: {_EXAMPLE}.")],
    experiment: Annotated[
        str | None, typer.Option(help="The experiment it is of; default: the first that has a case of this name.")
    ] = None,
    steps: Annotated[int, typer.Option(min=3, max=10_000, help="Steps in the profile.")] = 200,
    host_tracer: HostTracer = USUAL_TRACERS.host,
    python_tracer: PythonTracer = USUAL_TRACERS.python,
    device_tracer: DeviceTracer = USUAL_TRACERS.device,
    trace_cuda_graphs: CudaGraphs = False,
    out: Out = Path("results"),
    label: Label = None,
    seed: Seed = 1234,
    data: Data = "auto",
    device: Device = DeviceName.auto,
    gpu: Gpu = None,
    tf32: Tf32 = None,
    nsys: Annotated[
        bool,
        typer.Option(
            "--nsys",
            help="Print, or where nsys is installed run, the Nsight Systems command for one process of this case.",
        ),
    ] = False,
) -> None:
    """Take a longer profile of one case, and show what its steps consist of; takes less than a minute.

    The case is timed too, in one repetition beside the reference, so that what the profiler costs can be seen: for
    speeds, measure with `bench run`.
    """
    from bench.commands import nsight
    from bench.experiments import selection
    from bench.output import progress_bar
    from bench.output.grid import rich
    from bench.profiles import tables
    from bench.report import shortcomings, summary
    from bench.run.execute import run as measure
    from bench.run.options import Options

    console = Console(emoji=False)
    options = Options(
        preset=msgspec.structs.replace(PROFILE, profile_steps=steps),
        experiments=(selection.case_named(case, experiment).experiment,),
        only=(case,),
        out=out,
        label=label,
        seed=seed,
        data=data,
        tracers=Tracers(host=host_tracer, python=python_tracer, device=device_tracer),
        trace_cuda_graphs=trace_cuda_graphs,
        device=device.value,
        gpu=gpu,
        tf32=None if tf32 is None else tf32 is OnOff.on,
    )
    if nsys:
        nsight.show_or_run(options, console)
        return
    with progress_bar.open_view(console) as view:
        outcome = measure(options, view)
    read = [one for one in tables.traced(outcome.document) if one.benchmark.name == case]
    for grid in [grid for one in read for grid in tables.of_case(one)]:
        console.print(rich(grid), crop=False)
    lines = [f"- {note}" for note in tables.notes(outcome.document)]
    lines += [*shortcomings.of(outcome.document), *summary.whereabouts(outcome.folder)]
    console.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)
    raise typer.Exit(worst([outcome.exit_code, ExitCode.OK if read else ExitCode.FAILED]))
