"""Compare files: the first with each of the others."""

from collections.abc import Sequence
from pathlib import Path

from bench.compare import noise, stored_run
from bench.compare.compare import Rules
from bench.compare.compare import compare as compare_two
from bench.compare.records import Comparison
from bench.errors import UsageError


def compare(paths: Sequence[Path], history: Path | None, rules: Rules) -> list[Comparison]:
    """The first result with each of the others. Raises ResultFileError, UsageError and NotComparable."""
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("The same file was named twice: a result compared with itself says nothing.")
    base, *others = stored_run.load_all(paths)
    stored = noise.load_history(history, [base, *others])
    return [compare_two(base, new, stored, rules) for new in others]
