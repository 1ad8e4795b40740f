"""The command line: run, compare, doctor, list, validate."""

import gc
import sys
from contextlib import nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from bench import interrupts, policies, selection
from bench.errors import BenchError, ExitCode, Interrupted
from bench.experiments import EXPERIMENTS
from bench.presets import PRESETS, usual_experiments
from bench.selection import Choice, parse_sizes

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measure what this machine does with TensorFlow: steps per second of a small autoencoder in eager mode, "
    "under tf.function and under XLA, and what each memory policy of a GPU takes. Start with `bench doctor`.",
    epilog="Exit codes, of several the first: 130 interrupted, what was measured is saved; 2 bad usage or input; 4 not "
    "comparable; 1 a case failed, mismatched or vanished; 3 a regression; 5 inconclusive, with --strict; 0 fine.",
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


class Format(StrEnum):
    """What --format takes."""

    table = "table"
    markdown = "markdown"
    json = "json"
    csv = "csv"


Threshold = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=10.0,
        metavar="FRACTION",
        help="Differences in speed beyond this matter; default: 0.03 side by side, 0.05 between separate runs.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Ask for a verdict: exit code 5 if one is inconclusive, 4 on other hardware."),
]
History = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder with earlier results: five of the same machine and software say what runs vary by.",
    ),
]


@app.command()
def run(
    preset: Annotated[PresetName, typer.Option(help="How much is measured; `bench list` describes them.")] = (
        PresetName.quick
    ),
    experiment: Annotated[
        list[str] | None,
        typer.Option(
            help="Which question is measured; may be repeated, and `bench list` shows them. Default: those of the "
            "preset, or with --against the modes."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only cases that match, as 'xla/*'; may be repeated."),
    ] = None,
    memory: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POLICY",
            help="Of the experiment memory: default, growth, fraction, growth+fraction or async; may be repeated.",
        ),
    ] = None,
    memory_fraction: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Of the card's memory, in the policies that have one; default: 0.9."),
    ] = None,
    batch_sizes: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Of the experiment batch; default: 16,64,256,1024,4096."),
    ] = None,
    allow_shared: Annotated[
        bool, typer.Option("--allow-shared", help="Reserve a card's memory though somebody else is using the card.")
    ] = False,
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
            "with another TensorFlow, or another revision of this suite. Gives verdicts.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare with this result of the same hardware afterwards.")
    ] = None,
    history: History = None,
    threshold: Threshold = None,
    strict: Strict = False,
) -> None:
    """Measure, and leave a folder with results, plots and TensorBoard profiles.

    Every case runs in processes of its own, in interleaved rounds. An interrupt saves what was measured.
    """
    from bench import judged
    from bench.against import parse as parse_against
    from bench.comparing.compare import Rules
    from bench.present import progress, summary
    from bench.present.comparison import show
    from bench.run import Options

    console = Console(emoji=False)
    options = Options(
        preset=PRESETS[preset.value],
        experiments=tuple(experiment or ()),
        only=tuple(only or ()),
        memory=tuple(memory or ()),
        memory_fraction=memory_fraction,
        batch_sizes=parse_sizes(batch_sizes) if batch_sizes is not None else (),
        allow_shared=allow_shared,
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
    wanted = judged.Wanted(baseline, history, Rules(threshold=threshold), strict)
    with progress.open_view(console) as view:
        outcome, comparison, exit_code = judged.run(options, wanted, view)
    with interrupts.ignored() if outcome.exit_code == ExitCode.INTERRUPTED else nullcontext():
        summary.show(outcome.document, outcome.folder, console)
        if comparison:
            show([comparison], console)
    raise typer.Exit(exit_code)


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The result to compare with: a file or a run's folder.")],
    new: Annotated[list[Path], typer.Argument(metavar="NEW [MORE...]", help="The results that are compared with it.")],
    threshold: Threshold = None,
    first_call_threshold: Annotated[
        float, typer.Option(min=0.001, max=10.0, metavar="FRACTION", help="The same, for the time of the first call.")
    ] = 0.20,
    memory_threshold: Annotated[
        float, typer.Option(min=0.001, max=10.0, metavar="FRACTION", help="The same, for peak memory.")
    ] = 0.05,
    history: History = None,
    across_hardware: Annotated[
        bool, typer.Option("--across-hardware", help="Pass or fail although the hardware differs.")
    ] = False,
    strict: Strict = False,
    output: Annotated[Format, typer.Option("--format", help="markdown fits the summary of a CI job.")] = Format.table,
) -> None:
    """Say what is slower, faster, the same, or not to be told; needs no TensorFlow.

    Two files of one side-by-side run are compared within their rounds, to a few percent. Separate runs of one machine
    are compared with what such runs vary by. Of other hardware it shows ratios, without pass or fail. With several
    results, one table has a column for each.

    An improvement never fails, and noise never fails.
    """
    from bench.comparing import many
    from bench.comparing.compare import Rules
    from bench.present import comparison, tabular

    gc.disable()  # what a thousand files leave behind has no cycles, and looking for some takes a sixth of the time
    rules = Rules(threshold, first_call_threshold, memory_threshold, across_hardware)
    comparisons = many.compare([base, *new], history, rules)
    exit_code = many.exit_code(comparisons, strict)
    if output == Format.json:
        typer.echo(tabular.to_json(comparisons, exit_code), nl=False)
    elif output == Format.csv:
        typer.echo(tabular.to_csv(comparisons), nl=False)
    elif output == Format.markdown:
        typer.echo(comparison.markdown(comparisons), nl=False)
    else:
        comparison.show(comparisons, Console(emoji=False))
    raise typer.Exit(exit_code)


@app.command()
def doctor(
    device: Annotated[
        DeviceName, typer.Option(help="auto: the GPU wherever an NVIDIA driver is present, else the CPU.")
    ] = DeviceName.auto,
    gpu: Annotated[
        str | None, typer.Option(metavar="INDEX|UUID", help="Which card, as nvidia-smi -L lists them.")
    ] = None,
    data: Annotated[
        str, typer.Option(metavar="SOURCE", help="Fashion-MNIST: as for `bench run`, a folder or auto.")
    ] = "auto",
    out: Annotated[Path, typer.Option(help="Where results would go.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at everything that measuring needs, and say what is wrong and what to do; takes some seconds.

    Each line is ok, a warning (figures may be worse than they could be) or a problem (something will not work). Exit
    code 1 if there is a problem, 0 otherwise.
    """
    from bench.doctor import doctor
    from bench.present import diagnosis

    console = Console(emoji=False, stderr=as_json)
    wanted = doctor.Wanted(device=device.value, gpu=gpu, data=data, out=out)
    with console.status("looking", spinner="line") if console.is_terminal else nullcontext():
        findings = doctor.examine(wanted)
    if as_json:
        typer.echo(diagnosis.to_json(findings), nl=False)
    else:
        diagnosis.show(findings, console)
    raise typer.Exit(ExitCode.FAILED if doctor.has_problem(findings) else ExitCode.OK)


@app.command("list")
def list_cases() -> None:
    """Show experiments with their cases, and presets."""
    for name, experiment in EXPERIMENTS.items():
        typer.echo(f"experiment {name}: {experiment.question}")
        chosen = Choice((name,))
        usual, brief = selection.select(chosen)[name], selection.select(replace(chosen, brief=True))[name]
        for case in experiment.cases:
            remark = f"  (the noise: {case.measured_as} once more)" if case.twin else ""
            if case not in usual:
                remark += "  (with --only)"
            elif case not in brief:
                remark += "  (not in quick)"
            typer.echo(f"  {case.name}{remark}")
    typer.echo("memory policies, each alone on a GPU; the cases called host are for machines without one:")
    for name, description in policies.DESCRIPTIONS.items():
        typer.echo(f"  {name}: {description}")
    typer.echo("presets:")
    for preset in PRESETS.values():
        typer.echo(f"  {preset.name}: {', '.join(usual_experiments(preset.name))}; {preset.summary}")


@app.command()
def validate(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Result files to check.")]) -> None:
    """Check that result files are what the format demands; exit code 2 names the first thing wrong."""
    from bench.comparing.runs import printable
    from bench.results.files import read_any
    from bench.results.foreign import ForeignDocument

    for path in files:
        document = read_any(path)
        if isinstance(document, ForeignDocument):
            count = len(document.benchmarks)
            typer.echo(f"{path}: readable, {count} benchmarks of another tool in pytest-benchmark's format")
            continue
        section = document.autoencoder_bench
        typer.echo(
            f"{path}: valid, schema {section.schema_version}, {section.status}, {len(document.benchmarks)} cases, "
            f"{printable(section.device.name)}"
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
