"""The interpreters of other frameworks that `nox -s jax` and `nox -s torch` have made, and a worker in one."""

from pathlib import Path

import pytest

from bench.launch.server import OTHER_INTERPRETER, Server
from bench.launch.worker import Timeouts
from bench.run import interpreters

ROOT = Path(__file__).parents[2]


def python(framework):
    """The interpreter that has this framework; a test without one is skipped, with the command that makes it."""
    home = ROOT / ".nox" / framework
    if not (home / "installed.txt").exists():  # which nox leaves once everything is there
        pytest.skip(f"{framework} is not installed: nox -s {framework}")
    return home / "bin" / "python"


def server(framework, folder, environment=None):
    """A server of this framework on the packaged sample, loaded."""
    variables = {"CUDA_VISIBLE_DEVICES": "-1", **OTHER_INTERPRETER, **(environment or {})}
    command = interpreters.server_command(python(framework), framework)
    found = Server("sample", variables, folder / f"{framework}.log", Timeouts(), command)
    try:
        found.wait_until_ready()
    except BaseException:
        found.close()
        raise
    return found
