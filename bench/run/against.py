"""The other interpreter of a side-by-side run: which it is, and whether it can take part."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError
from bench.protocol import PROTOCOL_VERSION
from bench.recording import folders
from bench.recording.paths import user_path

# What would make the other interpreter import this one's packages; empty counts as not set.
ENVIRONMENT = {"PYTHONPATH": "", "PYTHONHOME": ""}

# Of revisions up to protocol 6 too, which have it elsewhere: they are to be refused by their number.
_QUESTION = """
try:
    from bench.protocol import PROTOCOL_VERSION
except ImportError:
    from bench.measure.protocol import PROTOCOL_VERSION
print(PROTOCOL_VERSION)
"""
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Against:
    """An interpreter with this suite and a TensorFlow of its own, and the name it has in the comparison."""

    python: Path
    label: str

    @property
    def server_command(self) -> tuple[str, ...]:
        """How its servers are started."""
        return (str(self.python), "-P", "-m", "bench.worker.server")


def parse(text: str) -> Against:
    """`PYTHON[=LABEL]`, where PYTHON is an interpreter or the folder of a virtual environment.

    Raises UsageError where there is none, or the label is unfit.
    """
    python, _, label = (text, "", "") if user_path(text).exists() else text.rpartition("=")
    if not python:
        python, label = text, ""
    path = user_path(python)
    if path.is_dir():
        path = path / "bin" / "python"
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise UsageError(f"--against {text}: {path} is no Python interpreter or virtual environment.")
    folders.check_label(label or None)
    return Against(path.absolute(), label or "base")


def check(against: Against) -> None:
    """Raise UsageError unless the interpreter has the suite, in a revision that speaks our protocol, and TensorFlow."""
    version = _ask(against, _QUESTION)
    if version is None:
        raise UsageError(
            f"--against {against.python}: this suite is not installed there. In the revision to compare with: "
            f"{shlex.quote(str(against.python))} -m pip install '.[cpu]'; or let `nox -s against` make the environment."
        )
    if version != str(PROTOCOL_VERSION):
        raise UsageError(
            f"--against {against.python}: its revision of the suite speaks worker protocol {version[:20]}, this one "
            f"{PROTOCOL_VERSION}: they cannot take turns. Run each by itself, and `bench compare` the results."
        )
    if _ask(against, "import importlib.util as util; print(util.find_spec('tensorflow') is not None)") != "True":
        raise UsageError(
            f"--against {against.python}: TensorFlow is not installed there. Install this suite there with its extra "
            f"`cpu`, or `gpu` for an NVIDIA GPU: {shlex.quote(str(against.python))} -m pip install '.[cpu]'"
        )


def _ask(against: Against, code: str) -> str | None:
    """What this code prints in the other interpreter, None where it fails."""
    try:
        done = subprocess.run(
            [against.python, "-P", "-c", code],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
            env={**os.environ, **ENVIRONMENT},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
