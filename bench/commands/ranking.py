"""The command that every rank of a job is started with: rank."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import axes
from bench.commands.options import (
    JOB,
    PROFILES,
    WHAT,
    Data,
    Device,
    DeviceName,
    Gpu,
    Label,
    OnOff,
    Out,
    Preset,
    PresetName,
    Seed,
    Tf32,
)
from bench.errors import UsageError
from bench.experiments.registry import EXPERIMENTS
from bench.machine import interrupts
from bench.plan import strategies
from bench.plan.case import Axes
from bench.plan.preset import PRESETS

if TYPE_CHECKING:
    from rich.console import Console

    from bench.run.execute import Outcome

EXAMPLES = """
Examples:

srun --ntasks 4 bench rank --preset standard

bench rank --rank 0 --ranks 2 --coordinator 10.0.0.1

bench rank --rank 1 --ranks 2 --coordinator 10.0.0.1
"""
_CHOSEN_BY_THE_JOB = ("strategy", "devices")


def rank(
    rank: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", rich_help_panel=JOB, help="This rank, from 0. Default: the scheduler's."),
    ] = None,
    ranks: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", rich_help_panel=JOB, help="How many there are. Default: the scheduler's."),
    ] = None,
    coordinator: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[:PORT]",
            rich_help_panel=JOB,
            help="Where rank 0 listens, the same for all. Default: the scheduler's first host, port 45217.",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            min=1.0, max=3_600.0, metavar="SECONDS", rich_help_panel=JOB, help="How long to wait for the other ranks."
        ),
    ] = 60.0,
    preset: Preset = PresetName.quick,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V,V", rich_help_panel=WHAT, help="Values of batch_size or mode, e.g. batch_size=64,512."
        ),
    ] = None,
    out: Out = Path("results"),
    label: Label = None,
    seed: Seed = 1234,
    data: Data = "auto",
    profile: Annotated[
        bool, typer.Option(rich_help_panel=PROFILES, help="Take a TensorBoard profile of every case.")
    ] = True,
    device: Device = DeviceName.auto,
    gpu: Gpu = None,
    tf32: Tf32 = None,
) -> None:
    """Measure over several machines: start this once per rank, by srun, in an Indexed Job, or by hand.

    Rank 0 leads, measures one device against all ranks, and writes one result; the others follow and end with its exit
    code. Which rank this is comes from Slurm, Kubernetes, TF_CONFIG, or the options. TensorFlow listens on all
    interfaces of every host meanwhile (docs/experiments/scaling.md).
    """
    from bench.launch import place
    from bench.output import progress_bar
    from bench.report import summary
    from bench.run import execute, job
    from bench.run.options import Options

    console = progress_bar.open_console()
    found = place.find(rank, ranks, coordinator, os.environ)
    options = Options(
        preset=PRESETS[preset.value],
        experiments=tuple(name for name, one in EXPERIMENTS.items() if one.across_devices),
        axes={**_axes(axis or []), "strategy": (strategies.SINGLE, strategies.MULTI_WORKER), "devices": (found.ranks,)},
        out=out,
        label=label,
        seed=seed,
        data=data,
        profile=profile,
        device=device.value,
        gpu=gpu,
        tf32=None if tf32 is None else tf32 is OnOff.on,
        place=found,
        wait_seconds=wait,
    )
    with progress_bar.open_view(console, summary.so_far) as view:
        if not found.leads:
            raise typer.Exit(job.follow(options, view))
        outcome = execute.run(options, view)
    with job.told(outcome.job):
        _show(outcome, console)
    # Whoever started the ranks may end all of them as soon as one has ended.
    interrupts.ignore_from_now_on()
    if outcome.job:
        outcome.job.end(outcome.exit_code)
    raise typer.Exit(outcome.exit_code)


def _show(outcome: "Outcome", console: "Console") -> None:
    from bench.report import summary

    if reason := outcome.document.autoencoder_bench.status_reason:
        typer.echo(f"bench: ended: {reason}. What was measured is saved in {outcome.folder}", err=True)
    summary.show(outcome.document, outcome.folder, console)


def _axes(texts: list[str]) -> Axes:
    found = axes.chosen(texts)
    if wrong := [name for name in _CHOSEN_BY_THE_JOB if name in found]:
        raise UsageError(f"--axis {wrong[0]}: the ranks of the job are the devices. Leave it out.")
    if other := [name for name in found if name not in ("batch_size", "mode")]:
        raise UsageError(f"--axis {other[0]}: over ranks batch_size and mode are varied.")
    return found
