"""The command line: its commands, and how errors end them; `python -m bench` is the same as `bench`."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

from autoencoder import output
from bench.commands import asking, comparing, measuring, showing
from bench.errors import BenchError, ExitCode, Interrupted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measure what this machine does with TensorFlow: steps per second of a small autoencoder in eager mode, "
    "under tf.function and under XLA, and what each memory policy of a GPU takes. Start with `bench doctor`.",
    epilog="Exit codes, of several the first: 130 interrupted, what was measured is saved; 2 bad usage or input; 4 not "
    "comparable; 1 a case failed, mismatched or missing; 3 a regression; 5 inconclusive, with --strict; 0 fine.",
)
for command in (
    measuring.run,
    measuring.profile,
    comparing.compare,
    comparing.baseline,
    showing.report,
    showing.tensorboard,
    asking.doctor,
    comparing.validate,
):
    app.command()(command)
app.command("list")(asking.list_cases)


def main() -> None:
    """Run the command line; errors become one line and their exit code."""
    output.install()
    try:
        app()
    except BenchError as error:
        _end(str(error), error.exit_code)
    except Interrupted:
        _end("interrupted", ExitCode.INTERRUPTED)
    except OSError as error:
        _end(str(error), ExitCode.FAILED)
    except SystemExit as end:
        _flush()
        if end.code == ExitCode.OK and (failure := output.failure()):
            _end(f"the output could not be written: {failure.strerror}", ExitCode.FAILED)
        raise
    finally:
        _flush()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _end(text: str, exit_code: ExitCode) -> NoReturn:
    console = Console(stderr=True, soft_wrap=True, emoji=False, markup=False, highlight=False)
    console.print(f"bench: {text}")
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
