"""Interpreters of other frameworks: how they are named, found and refused."""

import importlib.util
import sys

import pytest

from bench.errors import UsageError
from bench.run import interpreters


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


# Has this suite, and says of every framework that it is there.
HAS_ALL = f'case "$3" in *find_spec*) echo True;; *) exec {sys.executable} "$@";; esac'


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder without environments of nox's, and no framework in this interpreter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return tmp_path


def test_a_framework_and_its_interpreter(tmp_path):
    python = script(tmp_path / "venv" / "bin" / "python", "true")
    assert interpreters.parse([f"jax={tmp_path / 'venv'}"]) == {"jax": python}


@pytest.mark.parametrize("text", ["jax", "jax=", "mxnet=python", "tensorflow=python", "=python"])
def test_what_is_not_so_written_is_refused(text):
    with pytest.raises(UsageError, match=r"NAME=PYTHON with one of the names jax, torch"):
        interpreters.parse([text])


def test_what_is_no_interpreter_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no Python interpreter"):
        interpreters.parse([f"jax={tmp_path / 'nothing'}"])


def test_what_is_nowhere_is_missing_with_the_command_that_installs_it(elsewhere):
    found = interpreters.find(["jax"], {})
    assert found.pythons == {}
    assert found.missing == {
        "jax": "JAX is not installed: `nox -s jax` makes an environment with it, or --framework jax=PYTHON names one"
    }


def test_this_interpreter_comes_first_then_that_of_nox(elsewhere, monkeypatch):
    beside = script(elsewhere / ".nox" / "jax" / "bin" / "python", HAS_ALL)
    assert interpreters.find(["jax"], {}).pythons == {"jax": beside}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert str(interpreters.find(["jax"], {}).pythons["jax"]) == sys.executable


def test_one_that_is_named_must_do(elsewhere):
    with_it = script(elsewhere / "with", HAS_ALL)
    assert interpreters.find(["jax"], {"jax": with_it}).commands == {
        "jax": (str(with_it), "-P", "-m", "bench.worker.server", "jax")
    }
    without = script(elsewhere / "without", HAS_ALL.replace("True", "False"))
    with pytest.raises(UsageError, match="JAX is not installed there"):
        interpreters.find(["jax"], {"jax": without})
    bare = script(elsewhere / "bare", "exit 1")
    with pytest.raises(UsageError, match=r"this suite is not installed there.*'\.\[jax\]'"):
        interpreters.find(["jax"], {"jax": bare})
    old = script(elsewhere / "old", "echo 8")
    with pytest.raises(UsageError, match="speaks worker protocol 8, this one"):
        interpreters.find(["jax"], {"jax": old})


def test_jax_without_what_its_cases_need_is_not_taken(elsewhere, monkeypatch):
    """Optax's Adam is one of them."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "jax" else None)
    assert interpreters.find(["jax"], {}).pythons == {}


def test_one_that_no_case_needs_is_refused(elsewhere):
    with pytest.raises(UsageError, match="no case chosen is in PyTorch"):
        interpreters.find(["jax"], {"torch": script(elsewhere / "with", HAS_ALL)})
