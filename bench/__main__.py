"""The command line: its commands, and how errors end them; `python -m bench` is the same as `bench`."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

from autoencoder import output
from bench.commands import asking, comparing, measuring, ranking, showing
from bench.commands.help import Command, Group
from bench.errors import BenchError, ExitCode, Interrupted

app = typer.Typer(
    cls=Group,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Benchmark TensorFlow training on this machine: steps per second of a small autoencoder in eager mode, under "
    "tf.function and under XLA, the input pipeline, and memory. Start with `bench doctor`.",
    epilog="Exit codes: 0 success; 1 a case failed, mismatched or is missing; 2 bad usage or input; 3 regression; 4 "
    "not comparable; 5 inconclusive or noisy (with --fail-on); 130 interrupted, what was measured is saved "
    "(docs/exit-codes.md).",
)
app.command(cls=Command, epilog=measuring.EXAMPLES)(measuring.run)
app.command(cls=Command, epilog=ranking.EXAMPLES)(ranking.rank)
for command in (
    measuring.profile,
    comparing.compare,
    comparing.baseline,
    showing.report,
    showing.tensorboard,
    asking.doctor,
    comparing.validate,
):
    app.command(cls=Command)(command)
app.command("list", cls=Command)(asking.list_cases)


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
