"""The command line: run, list, validate."""

import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from bench import cases, interrupts
from bench.errors import BenchError, ExitCode, Interrupted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measure what this machine does with TensorFlow: steps per second of a small autoencoder in eager mode, "
    "under tf.function and under XLA.",
    epilog="Exit codes: 0 fine; 1 something failed; 2 bad usage or input; 130 interrupted, results saved.",
)


class PresetName(StrEnum):
    """The presets, for the command line's choices."""

    quick = "quick"
    standard = "standard"
    thorough = "thorough"


class DeviceName(StrEnum):
    """What --device takes."""

    auto = "auto"
    gpu = "gpu"
    cpu = "cpu"


class OnOff(StrEnum):
    """What --tf32 takes."""

    on = "on"
    off = "off"


@app.command()
def run(
    preset: Annotated[PresetName, typer.Option(help="How much is measured; `bench list` describes them.")] = (
        PresetName.quick
    ),
    experiment: Annotated[str, typer.Option(help="Which question is measured; `bench list` shows them.")] = "modes",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only cases that match, as 'xla/*'; may be repeated."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder that gets a folder for this run.")] = Path("results"),
    label: Annotated[str | None, typer.Option(help="A name for this machine or run, in folder and result.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of weights, shuffling and the order of blocks.")
    ] = 1234,
    data: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="Fashion-MNIST: a folder with its four .gz files, or auto, keras, debian, download, sample.",
        ),
    ] = "auto",
    profile: Annotated[bool, typer.Option(help="Take a TensorBoard profile of every case.")] = True,
    device: Annotated[
        DeviceName, typer.Option(help="auto: the GPU wherever an NVIDIA driver is present, else the CPU.")
    ] = DeviceName.auto,
    gpu: Annotated[
        str | None,
        typer.Option(
            metavar="INDEX|UUID",
            help="Which card, as nvidia-smi -L lists them; default: the first that CUDA_VISIBLE_DEVICES allows.",
        ),
    ] = None,
    tf32: Annotated[OnOff | None, typer.Option(help="TF32 on GPUs that have it; default: TensorFlow's.")] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="PYTHON[=LABEL]",
            help="Measure the same cases with this interpreter too, in the same rounds: another virtual environment "
            "with another TensorFlow, or another revision of this suite.",
        ),
    ] = None,
) -> None:
    """Measure, and leave a folder with results, plots and TensorBoard profiles.

    Every case runs in processes of its own, in interleaved rounds. An interrupt saves what was measured.
    """
    from bench.against import parse as parse_against
    from bench.present import progress, summary
    from bench.run import Options
    from bench.run import run as run_bench

    console = Console(emoji=False)
    options = Options(
        preset=cases.PRESETS[preset.value],
        experiment=experiment,
        only=tuple(only or ()),
        out=out,
        label=label,
        seed=seed,
        data=data,
        profile=profile,
        device=device.value,
        gpu=gpu,
        tf32=None if tf32 is None else tf32 is OnOff.on,
        against=parse_against(against) if against else None,
    )
    with progress.open_view(console) as view:
        outcome = run_bench(options, view)
    with interrupts.ignored() if outcome.exit_code == ExitCode.INTERRUPTED else nullcontext():
        summary.show(outcome.document, outcome.folder, console)
    raise typer.Exit(outcome.exit_code)


@app.command("list")
def list_cases() -> None:
    """Show experiments with their cases, and presets."""
    for name, question in cases.QUESTIONS.items():
        typer.echo(f"experiment {name}: {question}")
        for case in cases.EXPERIMENTS[name]:
            typer.echo(f"  {case.name}" + (f"  (the noise: {case.measured_as} once more)" if case.twin else ""))
    typer.echo("presets:")
    for preset in cases.PRESETS.values():
        typer.echo(f"  {preset.name}: {preset.summary}")


@app.command()
def validate(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Result files to check.")]) -> None:
    """Check that result files are what the format demands; exit code 2 names the first thing wrong."""
    from bench.results.files import read

    for path in files:
        document = read(path)
        section = document.autoencoder_bench
        typer.echo(
            f"{path}: valid, schema {section.schema_version}, {section.status}, {len(document.benchmarks)} cases, "
            f"{section.device.name}"
        )


def main() -> None:
    """Run the command line; errors become one line and their exit code."""
    try:
        app()
    except BenchError as error:
        _end(str(error), error.exit_code)
    except Interrupted:
        _end("interrupted", ExitCode.INTERRUPTED)
    except OSError as error:
        _end(str(error), ExitCode.FAILED)


def _end(text: str, exit_code: ExitCode) -> NoReturn:
    console = Console(stderr=True, soft_wrap=True, emoji=False, markup=False, highlight=False)
    console.print(f"bench: {text}")
    sys.exit(exit_code)
