"""The other interpreter of a side-by-side run: which it is, and whether it can take part."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError
from bench.plan import frameworks
from bench.recording import folders
from bench.recording.paths import user_path
from bench.run import interpreters


@dataclass(frozen=True)
class Against:
    """An interpreter with this suite and a framework of its own, and the name it has in the comparison."""

    python: Path
    label: str


def parse(text: str) -> Against:
    """`PYTHON[=LABEL]`, where PYTHON is an interpreter or the folder of a virtual environment.

    Raises UsageError where there is none, or the label is unfit.
    """
    python, _, label = (text, "", "") if user_path(text).exists() else text.rpartition("=")
    if not python:
        python, label = text, ""
    found = interpreters.executable(python, f"--against {text}")
    folders.check_label(label or None)
    return Against(found, label or "base")


def check(against: Against, of: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """How the base side's servers are started, given how those of this side are, framework by framework.

    What the other interpreter has not is started as on this side: then it is the same on both. Raises UsageError unless
    it has the suite, in a revision that speaks our protocol, and one of these frameworks.
    """
    there = [name for name in of if interpreters.has(against.python, name)]
    # The first of them is what is asked about where it has none.
    if wrong := interpreters.why_not(against.python, there[0] if there else next(iter(of), frameworks.TENSORFLOW)):
        raise UsageError(f"--against {against.python}: {wrong}")
    return {**of, **{name: interpreters.server_command(against.python, name) for name in there}}
