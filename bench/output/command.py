"""A command as it works for whoever started this one: through nox, as `bench`, or as a module of Python."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.output.figures import printable

# Set by the noxfile: how nox itself was called, as words of a shell.
NOX = "BENCH_NOX"
_LONGEST = 1_000  # that a path may be
_SESSIONS = {"run": "bench", "tensorboard": "tensorboard"}  # of the commands that have one


def written(*words: str) -> str:
    """The command `bench` with these words, to be pasted into the shell that the user is in."""
    nox = os.environ.get(NOX)
    if nox and words[0] in _SESSIONS:
        rest = f" -- {shlex.join(words[1:])}" if words[1:] else ""
        return f"{printable(nox, _LONGEST)} -s {_SESSIONS[words[0]]}{rest}"
    return shlex.join([*_own(Path(sys.argv[0])), *words])


def _own(script: Path) -> Sequence[str]:
    if script.name == "__main__.py":
        return (_short(Path(sys.executable), "python"), "-m", "bench")
    return ("bench",) if script.name != "bench" else (_short(script, "bench"),)


def _short(path: Path, name: str) -> str:
    """The bare name where the shell finds the same file by it, else a path from where the user stands."""
    found = None if os.environ.get(NOX) else shutil.which(name)  # nox put its own environment in front
    if found and Path(found).absolute() == path.absolute():
        return name
    here = Path.cwd()
    return str(path.absolute().relative_to(here)) if path.absolute().is_relative_to(here) else str(path.absolute())
