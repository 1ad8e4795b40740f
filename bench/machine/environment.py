"""The machine and the software of a run, read without TensorFlow; no host names."""

import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench import __version__
from bench.machine import container, variables
from bench.machine.device import DeviceChoice, without_uuid
from bench.results.schema import Software

_FLAGS = ("TF_XLA_FLAGS", "XLA_FLAGS")
_UNWANTED_XLA_FLAGS = ("--tf_xla_persistent_cache_directory", "--tf_xla_auto_jit")
_ROOT = Path(__file__).parent.parent.parent


def machine_info() -> dict[str, Any]:
    """pytest-benchmark's `machine_info`, without the host's name: `node` is left empty, for a label."""
    return {
        "node": "",
        "processor": platform.processor(),
        "machine": platform.machine(),
        "python_compiler": platform.python_compiler(),
        "python_implementation": platform.python_implementation(),
        "python_implementation_version": platform.python_version(),
        "python_version": platform.python_version(),
        "python_build": list(platform.python_build()),
        "release": platform.release(),
        "system": platform.system(),
        "cpu": {"brand_raw": cpu_name(), "count": psutil.cpu_count(logical=True), "arch": platform.machine()},
        "memory_bytes": psutil.virtual_memory().total,
    }


def cpu_name() -> str:
    """The processor's marketing name, or what the platform calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, None) or platform.processor() or platform.machine()


def cpu_description() -> str:
    """Name and cores in a few words."""
    count = psutil.cpu_count(logical=True) or 1
    return f"{cpu_name()}, {count} core{'s' if count > 1 else ''}"


def commit_info() -> dict[str, Any]:
    """pytest-benchmark's `commit_info`, of this suite's own checkout, or of what an image of ours was built from.

    Null where it is installed without either, with the `reason`.
    """
    nothing = {"id": None, "time": None, "dirty": None, "branch": None, "project": "autoencoder-bench"}
    if (revision := container.revision()) is not None:
        return {**nothing, "id": revision}
    try:
        top = Path(_git("rev-parse", "--show-toplevel"))
        if top.resolve() != _ROOT.resolve():
            return {**nothing, "reason": "the suite is not installed from a checkout of its own"}
        return {
            "id": _git("rev-parse", "HEAD"),
            "time": _git("log", "-1", "--format=%cI"),
            "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
            "branch": os.fsencode(_git("rev-parse", "--abbrev-ref", "HEAD")).decode(errors="replace"),
            "project": "autoencoder-bench",
        }
    except _NoGit as error:
        return {**nothing, "reason": str(error)}


def software() -> Software:
    """Versions in use. What only TensorFlow can say stays None until a worker has looked."""
    return Software(
        suite=__version__,
        python=platform.python_version(),
        tensorflow=None,
        keras=None,
        numpy=version("numpy"),
        cuda_build=None,
        cuda=None,
        cudnn=None,
    )


def for_servers(choice: DeviceChoice, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables servers are started with, over those inherited.

    What is empty is taken out. Some of a user's variables would change what a case is: the memory policy, the
    allocator, `function` turned into XLA, Keras on another backend, compile times turned into reading times by a cache
    that lasts. Of the rest only those pass that are known (bench/machine/variables.py).
    """
    # What does not begin with a dash is a file with flags, which nobody would see in a result: it is taken out.
    given = {name: inherited.get(name, "") for name in _FLAGS}
    files = {name: "" for name, value in given.items() if value and not value.lstrip().startswith("-")}
    flags = [flag for flag in given["TF_XLA_FLAGS"].split() if not flag.startswith(_UNWANTED_XLA_FLAGS)]
    return {
        **dict.fromkeys(variables.taken_out(inherited), ""),
        **choice.environment,
        # Each worker removes them, and sets what its own policy needs.
        "TF_FORCE_GPU_ALLOW_GROWTH": "",
        "TF_GPU_ALLOCATOR": "",
        "TF_DEVICE_MIN_SYS_MEMORY_IN_MB": "",  # what the policy `default` leaves free, which is checked
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "0",  # logs are where causes are looked for
        "TF_XLA_FLAGS": " ".join(flags),
        **files,
    }


def recorded(choice: DeviceChoice, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those variables of the servers that change what is measured, without what would tell whose machine it is."""
    theirs = {**inherited, **for_servers(choice, inherited)}
    return {
        name: anonymous(value).encode(errors="replace").decode() for name, value in variables.settings(theirs).items()
    }


def anonymous(text: str) -> str:
    """A setting without the absolute paths in it, which may hold a user's name, and without the UUIDs of GPUs."""
    return re.sub(r"(?<![^\s=,:'\"])/[^\s,:'\"]+", "(path)", without_uuid(text))


def version(distribution: str) -> str | None:
    """The installed version of a distribution, None where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def tensorflow_version() -> str | None:
    """Of whichever of its distributions is installed, without importing it; None where none is."""
    return version("tensorflow") or version("tensorflow-cpu")


def now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)


class _NoGit(Exception):
    """Git does not answer; the text says why, without paths."""


def _git(*arguments: str) -> str:
    """What git says of our own checkout. Raises _NoGit.

    In a hook, or beside another repository, variables of git's own would have it answer for that one.
    """
    alone = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(_ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False, env=alone)
    except FileNotFoundError:
        raise _NoGit("git is not installed") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise _NoGit(f"git could not be asked: {type(error).__name__}") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").splitlines()
        complaint = next((line for line in said if line.strip()), "without a word")
        raise _NoGit(f"git: {anonymous(complaint)[:200]}")
    return os.fsdecode(done.stdout.strip())
