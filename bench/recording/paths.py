"""Paths as users name them: a tilde is the home folder wherever a path is taken."""

from pathlib import Path

from bench.errors import UsageError


def user_path(text: str | Path) -> Path:
    """The path that was meant. The shell expands a tilde only at the beginning of a word, so not in `--out=~/x`.

    Raises UsageError where nobody has such a home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text}: {error}") from None
