"""Commands about result files: compare, validate."""

import gc
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.commands.options import FailOn, Format, History, Strict, Threshold
from bench.recording.paths import user_path


def compare(
    base: Annotated[
        Path,
        typer.Argument(metavar="BASE", parser=user_path, help="The result to compare with: a file or a run's folder."),
    ],
    new: Annotated[
        list[Path],
        typer.Argument(metavar="NEW [MORE...]", parser=user_path, help="The results that are compared with it."),
    ],
    threshold: Threshold = None,
    first_call_threshold: Annotated[
        float, typer.Option(min=0.001, max=10.0, metavar="FRACTION", help="The same for the time of the first call.")
    ] = 0.20,
    memory_threshold: Annotated[
        float, typer.Option(min=0.001, max=10.0, metavar="FRACTION", help="The same for peak memory.")
    ] = 0.05,
    history: History = None,
    across_hardware: Annotated[
        bool, typer.Option("--across-hardware", help="Give verdicts although the hardware differs.")
    ] = False,
    fail_on: FailOn = None,
    strict: Strict = False,
    output: Annotated[
        Format,
        typer.Option(
            "--format", metavar="table|markdown|json|csv", help="Output format; markdown suits a CI job's summary."
        ),
    ] = Format.table,
) -> None:
    """Compare results and report regressions; needs no TensorFlow.

    Two files of one A/B run are compared within their rounds, to a few percent. Separate runs of one machine are held
    against the variability between runs. Other hardware gets ratios, without pass or fail. Several results make one
    table with a column for each.

    Exits with 3 only on statistically significant regressions: the interval excludes 1, and the estimate is beyond the
    threshold. The method limits false alarms to 5% per comparison. Other codes: docs/exit-codes.md.
    """
    from bench.compare import export, many, policy, verdict_tables
    from bench.compare.compare import Rules

    gc.disable()  # what a thousand files leave behind has no cycles, and looking for some takes a sixth of the time
    wanted = policy.parse(fail_on, strict)
    rules = Rules(threshold, first_call_threshold, memory_threshold, across_hardware)
    comparisons = many.compare([base, *new], history, rules)
    exit_code = policy.exit_code(comparisons, wanted)
    ended = list(policy.sentences(verdict_tables.with_short_names(comparisons), wanted, exit_code))
    if output == Format.json:
        typer.echo(export.to_json(comparisons, exit_code, ended), nl=False)
    elif output == Format.csv:
        typer.echo(export.to_csv(comparisons), nl=False)
    elif output == Format.markdown:
        typer.echo(verdict_tables.markdown(comparisons, ended), nl=False)
    else:
        verdict_tables.show(comparisons, Console(emoji=False), ended)
    raise typer.Exit(exit_code)


def baseline(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]", parser=user_path, help="A result, or a run's folder; default: the newest in DIR."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", parser=user_path, help="Folder of results; baselines go below it.")
    ] = Path("results"),
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Replace the earlier baselines of this machine and software."),
    ] = False,
) -> None:
    """Keep a result as a baseline: `bench run --baseline auto` holds later runs of this machine against it.

    It goes to DIR/baselines/<fingerprint>/<UTC time>.json. A run that is incomplete, has failed cases, or whose A/A
    check did not pass is refused, with exit code 1. Keep what you are content with: the next run is compared with the
    newest.
    """
    from bench.recording import folders
    from bench.run import baselines

    path = run or folders.latest(out)
    kept = baselines.keep(path / folders.RESULT if path.is_dir() else path, out / baselines.FOLDER, refresh)
    removed = f", {kept.removed} taken away" if kept.removed else ""
    typer.echo(f"Baseline: {kept.path} ({kept.count} of this machine and software{removed})")


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", parser=user_path, help="Result files to check.")],
) -> None:
    """Validate result files; an invalid one exits with 2 and names the first thing wrong."""
    from bench.output.figures import printable
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
