"""Compare files: the first with each of the others, and the exit code of all that together."""

from collections.abc import Sequence
from pathlib import Path

from bench.compare import noise, stored_run
from bench.compare.compare import Rules
from bench.compare.compare import compare as compare_two
from bench.compare.records import Comparison
from bench.errors import ExitCode, UsageError, worst


def compare(paths: Sequence[Path], history: Path | None, rules: Rules) -> list[Comparison]:
    """The first result with each of the others. Raises ResultFileError, UsageError and NotComparable."""
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("The same file was named twice: a result compared with itself says nothing.")
    base, *others = stored_run.load_all(paths)
    stored = noise.load_history(history, [base, *others])
    return [compare_two(base, new, stored, rules) for new in others]


def exit_code(comparisons: Sequence[Comparison], strict: bool) -> ExitCode:
    """The first in the order of bench/errors.py that any comparison gives reason for."""
    codes = [comparison.exit_code for comparison in comparisons]
    if strict:
        codes += [ExitCode.NOT_COMPARABLE for comparison in comparisons if not comparison.judged]
        codes += [ExitCode.INCONCLUSIVE for comparison in comparisons if comparison.inconclusive]
    return worst(codes)
