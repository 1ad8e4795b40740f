"""Commands that show runs: report, tensorboard."""

from pathlib import Path
from typing import Annotated

import typer

from bench.errors import ExitCode, UsageError
from bench.recording import folders
from bench.recording.paths import user_path

_RESULTS = Path("results")


def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN...]",
            parser=user_path,
            help="Results, or run folders, or folders with many of them; default: the newest run in results/.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=user_path,
            help="Folder for report.html; default: the run's own, or for several results/report.",
        ),
    ] = None,
) -> None:
    """Write one page about a run, or about many: machines side by side, ratios, what differs, and what changed when.

    The page is one file that needs no network. Of one run it shows everything; its folder holds what a result alone
    does not: the loss curve and the plots. Files that cannot be read are named, on the page too, and give exit code
    2; what can be shown is shown.
    """
    from bench.report import fleet, fleet_page, run_page
    from bench.results import files
    from bench.results.schema import Document

    named = runs or [folders.latest(_RESULTS)]
    paths = fleet.find(named)
    unreadable: list[str] = []
    if len(paths) == 1:
        path = paths[0]
        document = files.read_any(path)
        if not isinstance(document, Document):
            raise UsageError(f"{path} is of another tool: `bench compare` shows it beside others.")
        folder = path.parent if path.name == folders.RESULT else None
        target = _target(out or (folder or path.parent))
        run_page.write(document, folder, target)
    else:
        loaded = fleet.load(paths)
        unreadable = loaded.unreadable
        target = _target(out or _RESULTS / "report")
        fleet_page.write(loaded, target)
    for line in unreadable:
        typer.echo(f"Not readable: {line}", err=True)
    typer.echo(f"Report: {target}")
    raise typer.Exit(ExitCode.USAGE if unreadable else ExitCode.OK)


def _target(folder: Path) -> Path:
    folders.require_writable(folder)
    return folder / folders.REPORT


def tensorboard(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN]", parser=user_path, help="A run's folder; default: the newest in results/."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; the default is this machine only.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="N", help="Port to listen on; 0: any free one.")
    ] = 6006,
) -> None:
    """Serve a run with TensorBoard: profiles, curves, plots, and all cases in one table to sort and filter."""
    from bench.tensorboard import serve

    logdir = serve.logdir_of(run or folders.latest(_RESULTS))
    port = serve.free_port(host, port)
    typer.echo("\n".join(serve.lines(logdir, host, port)))
    serve.replace_process(logdir, host, port)
