"""Commands that say what there is: doctor, list."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.commands.options import Data, Device, DeviceName, Gpu
from bench.errors import ExitCode
from bench.experiments import selection
from bench.experiments.base import cases_of
from bench.experiments.registry import EXPERIMENTS, usual_experiments
from bench.experiments.selection import Choice
from bench.machine import interrupts
from bench.plan import memory_policy
from bench.plan.preset import PRESETS
from bench.recording.paths import user_path


def doctor(
    device: Device = DeviceName.auto,
    gpu: Gpu = None,
    data: Data = "auto",
    out: Annotated[Path, typer.Option(metavar="DIR", parser=user_path, help="Parent directory for run output.")] = Path(
        "results"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check whether this machine is ready for benchmarking, and say what to do; takes some seconds.

    Each line is ok, a warning (figures may be worse than they could be) or a problem (something will not work). Exit
    code 1 if there is a problem, 0 otherwise.
    """
    from bench.doctor import diagnosis, doctor
    from bench.output import progress_bar

    console = Console(emoji=False, stderr=as_json)
    wanted = doctor.Wanted(device=device.value, gpu=gpu, data=data, out=out)
    drawn = console.status("looking", spinner="line") if progress_bar.is_live(console) else nullcontext()
    with interrupts.raised_as_interrupted(), drawn:
        findings = doctor.examine(wanted)
    if as_json:
        typer.echo(diagnosis.to_json(findings), nl=False)
    else:
        diagnosis.show(findings, console)
    raise typer.Exit(ExitCode.FAILED if doctor.has_problem(findings) else ExitCode.OK)


def list_cases() -> None:
    """Show experiments with their cases, and presets."""
    for name, experiment in EXPERIMENTS.items():
        typer.echo(f"experiment {name}: {experiment.question}")
        chosen = Choice((name,))
        usual, brief = selection.select(chosen)[name], selection.select(replace(chosen, brief=True))[name]
        for case in cases_of(experiment):
            remark = f"  (A/A control: {case.measured_as} once more)" if case.control else ""
            if case not in usual:
                remark += "  (with --only)"
            elif case not in brief:
                remark += "  (not in quick)"
            typer.echo(f"  {case.name}{remark}")
    typer.echo("memory policies, each alone on a GPU; the cases called host are for machines without one:")
    for name, description in memory_policy.DESCRIPTIONS.items():
        typer.echo(f"  {name}: {description}")
    typer.echo("presets:")
    for preset in PRESETS.values():
        typer.echo(f"  {preset.name}: {', '.join(usual_experiments(preset.name))}; {preset.summary}")
