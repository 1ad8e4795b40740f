"""Commands that measure: run, profile."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bench.commands import axes
from bench.commands.options import (
    COMPARED,
    PROFILES,
    WHAT,
    WHERE,
    AffinityName,
    AffinityOption,
    CudaGraphs,
    Data,
    Device,
    DeviceName,
    DeviceTracer,
    FailOn,
    Gpu,
    History,
    HostTracer,
    Label,
    OnOff,
    Out,
    Preset,
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
from bench.plan.case import AXES
from bench.plan.preset import PRESETS, PROFILE, USUAL_PROFILE_STEPS
from bench.recording.paths import user_path
from bench.results.record import USUAL_TRACERS, Tracers

_EXAMPLE = cases_of(next(iter(EXPERIMENTS.values())))[-2].name
EXAMPLES = """
Examples:

bench run --preset standard --label my-machine

bench run --only 'xla/*' --no-profile

bench run --preset standard --against ../other/.venv/bin/python=other
"""
_AUTO = "auto"  # of --baseline; a file of that name is ./auto


def run(
    preset: Preset = PresetName.quick,
    experiment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=WHAT,
            help="Experiment to run (repeatable; `bench list` shows them). Default: those of the preset, or with "
            "--against the first of them.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", rich_help_panel=WHAT, help="Only matching cases, e.g. 'xla/*' (repeatable)."),
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V,V",
            rich_help_panel=WHAT,
            help=f"Values of an axis instead of the experiment's own: {', '.join(AXES)}; e.g. "
            "batch_size=8,64 or memory=growth,fraction-0.5 (repeatable).",
        ),
    ] = None,
    memory: Annotated[
        list[str] | None,
        typer.Option(metavar="POLICY", rich_help_panel=WHAT, help="Same as --axis memory=POLICY (repeatable)."),
    ] = None,
    memory_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            rich_help_panel=WHAT,
            help="Share of the GPU's memory, in the policies that limit it; default: 0.9.",
        ),
    ] = None,
    batch_sizes: Annotated[
        str | None, typer.Option(metavar="N,N,...", rich_help_panel=WHAT, help="Same as --axis batch_size=N,N,...")
    ] = None,
    allow_shared: Annotated[
        bool,
        typer.Option(
            "--allow-shared",
            rich_help_panel=WHERE,
            help="Measure memory policies although other processes use the GPU.",
        ),
    ] = False,
    out: Out = Path("results"),
    label: Label = None,
    seed: Seed = 1234,
    data: Data = "auto",
    profile: Annotated[
        bool, typer.Option(rich_help_panel=PROFILES, help="Take a TensorBoard profile of every case.")
    ] = True,
    profile_steps: Annotated[
        int,
        typer.Option(min=3, max=10_000, metavar="N", rich_help_panel=PROFILES, help="Steps in each profile."),
    ] = USUAL_PROFILE_STEPS,
    host_tracer: HostTracer = USUAL_TRACERS.host,
    python_tracer: PythonTracer = USUAL_TRACERS.python,
    device_tracer: DeviceTracer = USUAL_TRACERS.device,
    trace_cuda_graphs: CudaGraphs = False,
    device: Device = DeviceName.auto,
    gpu: Gpu = None,
    tf32: Tf32 = None,
    affinity: AffinityOption = AffinityName.none,
    framework: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PYTHON",
            rich_help_panel=WHERE,
            help="Interpreter with another framework, for cases in it: jax or torch (repeatable). Default: this one, "
            "or the environment that `nox -s jax` or `nox -s torch` has made.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="PYTHON[=LABEL]",
            rich_help_panel=COMPARED,
            help="A/B run: measure the same cases with this interpreter too, in the same rounds, e.g. a virtual "
            "environment with another TensorFlow or another revision of this suite, which `nox -s against` makes. "
            "Gives verdicts.",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|auto",
            rich_help_panel=COMPARED,
            help="Compare with this result of the same hardware afterwards; auto: the newest of this machine and "
            "software below DIR/baselines (of --out); all of those give the variability between runs.",
        ),
    ] = None,
    history: History = None,
    threshold: Threshold = None,
    fail_on: FailOn = None,
    strict: Strict = False,
) -> None:
    """Benchmark this machine, and write a folder with results, plots, profiles and a report.

    Every case runs in fresh processes, in interleaved rounds. Ctrl-C saves what was measured.
    """
    from bench.compare import policy, verdict_tables
    from bench.compare.compare import Rules
    from bench.output import progress_bar
    from bench.report import job_summary, summary
    from bench.run import baselines, gate, interpreters
    from bench.run.against import parse as parse_against
    from bench.run.options import Options

    console = progress_bar.open_console()
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
        frameworks=interpreters.parse(framework or ()),
        against=parse_against(against) if against else None,
    )
    wanted = gate.Wanted(
        baseline=user_path(baseline) if baseline and baseline != _AUTO else None,
        baselines=out / baselines.FOLDER if baseline == _AUTO else None,
        history=history,
        rules=Rules(threshold=threshold),
        fail_on=policy.parse(fail_on, strict),
    )
    with progress_bar.open_view(console, summary.so_far) as view:
        found = gate.run(options, wanted, view)
    outcome = found.outcome
    if reason := outcome.document.autoencoder_bench.status_reason:
        typer.echo(f"bench: ended: {reason}. What was measured is saved in {outcome.folder}", err=True)
    with interrupts.ignored() if outcome.exit_code == ExitCode.INTERRUPTED else nullcontext():
        summary.show(outcome.document, outcome.folder, console)
        if found.comparison:
            verdict_tables.show([found.comparison], console, () if found.trend else found.ended)
        if found.trend:
            verdict_tables.show_grid(verdict_tables.trend(found.trend), console)
            console.print("\n".join(found.ended), soft_wrap=True, markup=False, highlight=False)
        if found.why_none:
            console.print(
                "\n".join([verdict_tables.without_baseline(found.why_none, outcome.folder), *found.ended]),
                soft_wrap=True,
                markup=False,
                highlight=False,
            )
        try:
            job_summary.write(outcome.document, os.environ, found.comparison, found.trend, found.why_none, found.ended)
        except (OSError, ValueError) as error:  # the exit code is about the run
            console.print(f"No summary of the job: {error}", soft_wrap=True, markup=False, highlight=False)
    raise typer.Exit(found.exit_code)


def profile(
    case: Annotated[str, typer.Argument(metavar="CASE", help=f"A case, as `bench list` names it, e.g. {_EXAMPLE}.")],
    experiment: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its experiment; default: the first that has a case of this name."),
    ] = None,
    steps: Annotated[int, typer.Option(min=3, max=10_000, metavar="N", help="Steps in the profile.")] = 200,
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
    """Profile one case for longer, and show what its steps consist of; takes less than a minute.

    The case is timed too, in one repetition beside the reference, so that the profiler's overhead can be seen. For
    speeds use `bench run`.
    """
    from bench.commands import nsight
    from bench.experiments import selection
    from bench.output import progress_bar
    from bench.output.grid import rich
    from bench.profiles import tables
    from bench.report import shortcomings, summary
    from bench.run.execute import run as measure
    from bench.run.options import Options

    console = progress_bar.open_console()
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
