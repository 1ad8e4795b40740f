"""The interpreters that have frameworks beside TensorFlow: which are named, which are found, and what they lack."""

import importlib.util
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import UsageError
from bench.launch.server import OTHER_INTERPRETER
from bench.plan import frameworks
from bench.protocol import PROTOCOL_VERSION
from bench.recording.paths import user_path

AGAINST = "against"  # of nox's sessions the one that makes another environment with TensorFlow
PEERS = tuple(name for name in frameworks.TITLES if name != frameworks.TENSORFLOW)

# Of revisions up to protocol 6 too, which have it elsewhere: they are to be refused by their number.
_PROTOCOL = """
try:
    from bench.protocol import PROTOCOL_VERSION
except ImportError:
    from bench.measure.protocol import PROTOCOL_VERSION
print(PROTOCOL_VERSION)
"""
_PATIENCE_SECONDS = 60
_MODULES = {frameworks.JAX: ("jax", "optax")}  # what a framework's cases need, where that is more than itself


@dataclass(frozen=True)
class Interpreters:
    """Of each framework beside TensorFlow that is there its interpreter, and of the others why there is none."""

    pythons: Mapping[str, Path] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def commands(self) -> dict[str, tuple[str, ...]]:
        """How the servers of each are started."""
        return {name: server_command(python, name) for name, python in self.pythons.items()}


def parse(texts: Iterable[str]) -> dict[str, Path]:
    """The interpreters of `NAME=PYTHON`, where PYTHON may be the folder of a virtual environment. Raises UsageError."""
    found: dict[str, Path] = {}
    for text in texts:
        name, _, python = text.partition("=")
        if name not in PEERS or not python:
            raise UsageError(f"--framework {text}: it is NAME=PYTHON with one of the names {', '.join(PEERS)}.")
        found[name] = executable(python, f"--framework {text}")
    return found


def executable(text: str, option: str) -> Path:
    """The interpreter at this path, or in the virtual environment there. Raises UsageError where there is none."""
    path = user_path(text)
    if path.is_dir():
        path = path / "bin" / "python"
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise UsageError(f"{option}: {path} is no Python interpreter or virtual environment.")
    return path.absolute()


def find(wanted: Iterable[str], named: Mapping[str, Path]) -> Interpreters:
    """An interpreter for each framework that is wanted: the one that is named, this one, or that of `nox -s NAME`.

    Raises UsageError where one that is named will not do, or is not wanted.
    """
    wanted = list(wanted)
    if unused := next((name for name in named if name not in wanted), None):
        raise UsageError(f"--framework {unused}={named[unused]}: no case chosen is in {frameworks.TITLES[unused]}.")
    pythons, missing = dict(named), {}
    for name, python in named.items():
        if wrong := why_not(python, name):
            raise UsageError(f"--framework {name}={python}: {wrong}")
    for name in wanted:
        if name in named:
            continue
        beside = Path(".nox", name, "bin", "python").absolute()
        if all(importlib.util.find_spec(module) is not None for module in _MODULES.get(name, (name,))):
            pythons[name] = Path(sys.executable)
        elif beside.is_file() and why_not(beside, name) is None:
            pythons[name] = beside
        else:
            missing[name] = (
                f"{frameworks.TITLES[name]} is not installed: `nox -s {name}` makes an environment with it, or "
                f"--framework {name}=PYTHON names one"
            )
    return Interpreters(pythons, missing)


def server_command(python: Path, framework: str = frameworks.TENSORFLOW) -> tuple[str, ...]:
    """How servers of a framework are started with this interpreter."""
    named = () if framework == frameworks.TENSORFLOW else (framework,)
    return (str(python), "-P", "-m", "bench.worker.server", *named)


def why_not(python: Path, framework: str) -> str | None:
    """Why the interpreter cannot measure in this framework: without the suite or it, or with another protocol."""
    version = _ask(python, _PROTOCOL)
    if version is None:
        return (
            f"this suite is not installed there. Install it there: {_install(python, framework)}; or let nox make the "
            f"environment (nox -s {AGAINST if framework == frameworks.TENSORFLOW else framework})."
        )
    if version != str(PROTOCOL_VERSION):
        return (
            f"its revision of the suite speaks worker protocol {version[:20]}, this one {PROTOCOL_VERSION}: they "
            "cannot take turns. Run each by itself, and `bench compare` the results."
        )
    if has(python, framework):
        return None
    return (
        f"{frameworks.TITLES[framework]} is not installed there. Install this suite there with its extra: "
        f"{_install(python, framework)}"
    )


def _install(python: Path, framework: str) -> str:
    """The command that installs the suite with this framework."""
    extra = "cpu" if framework == frameworks.TENSORFLOW else framework  # or `gpu`, and those of the others for GPUs
    return f"{shlex.quote(str(python))} -m pip install '.[{extra}]'"


def has(python: Path, framework: str) -> bool:
    """Whether the framework is installed there."""
    modules = _MODULES.get(framework, (framework,))
    return _ask(python, f"import importlib.util as util; print(all(map(util.find_spec, {modules!r})))") == "True"


def _ask(python: Path, code: str) -> str | None:
    """What this code prints in the other interpreter, None where it fails."""
    try:
        done = subprocess.run(
            [python, "-P", "-c", code],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
            env={**os.environ, **OTHER_INTERPRETER},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
