"""The exit codes of `bench`, and the errors that carry them."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; of several, the first of 130, 2, 4, 1, 3, 5, 0 wins (`worst`)."""

    OK = 0
    FAILED = 1  # a case failed, mismatched, or missing
    USAGE = 2  # bad usage, unreadable or invalid input
    REGRESSION = 3
    NOT_COMPARABLE = 4  # other workload or data, or other hardware where a verdict was asked for
    INCONCLUSIVE = 5  # only with --fail-on inconclusive or noisy
    INTERRUPTED = 130  # what was measured is saved


_ORDER = (
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.NOT_COMPARABLE,
    ExitCode.FAILED,
    ExitCode.REGRESSION,
    ExitCode.INCONCLUSIVE,
    ExitCode.OK,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Of several exit codes the one that wins."""
    return min([*codes, ExitCode.OK], key=_ORDER.index)


class BenchError(Exception):
    """Something that ends the command; its text is one line that names the input at fault and the remedy."""

    exit_code = ExitCode.FAILED


class UsageError(BenchError):
    """The command cannot do what it was asked to, and nothing was measured."""

    exit_code = ExitCode.USAGE


class ResultFileError(BenchError):
    """A result file cannot be read, or does not say what the format demands."""

    exit_code = ExitCode.USAGE


class NotComparable(BenchError):
    """What was to be compared is not the same work."""

    exit_code = ExitCode.NOT_COMPARABLE


class NoBaseline(BenchError):
    """A result is sound, but nothing could be judged by it."""


class Interrupted(BaseException):
    """Somebody or something ended the run from outside. Not an Exception, so that no handler of errors swallows it.

    `reason` says what it was, None for a signal, whose sender knows.
    """

    def __init__(self, what: str = "interrupted", reason: str | None = None) -> None:
        super().__init__(what)
        self.reason = reason
