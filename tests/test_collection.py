"""The suite is the same in every process that collects it, whatever second it is and however strings are hashed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import naming, patience

ROOT = Path(__file__).parents[1]
LEAST = 1_000  # tests of the whole suite


def collected(hash_seed: int) -> list[str]:
    """The ids of all tests, by a process of its own, which is no part of this run."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=patience.limit(120),
        check=False,
        env={**alone, "PYTHONHASHSEED": str(hash_seed)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.fixture(scope="module")
def twice(request) -> tuple[list[str], list[str]]:
    """By this process, where it has collected the suite, and by another; else by two others.

    They did it one after the other, so that no file was imported in the same second in both.
    """
    ours = request.config.stash[naming.COLLECTED]
    if len(ours) < LEAST or any("::" in argument for argument in request.config.args):
        ours = collected(1)
    over = time.time()
    while int(time.time()) == int(over):
        time.sleep(0.05)
    return ours, collected(2)


def test_two_processes_collect_the_same(twice):
    first, second = twice
    assert len(first) > LEAST
    files = {line.partition("::")[0] for line in first}  # some may have been left out here
    assert first == [line for line in second if line.partition("::")[0] in files]


def test_every_id_can_be_read(twice):
    for line in twice[1]:
        assert line.isascii(), line
        assert line.isprintable(), line
        assert "\\x" not in line, f"{line}: bytes"
        assert len(line.partition("[")[2]) <= 160, line


def test_a_value_without_words_needs_an_id_where_it_stands():
    assert naming.name_of(b"\x1f\x8b") is None
    assert naming.name_of(lambda: None) is None
    assert naming.name_of(object()) is None


def test_without_one_nothing_is_collected(pytestconfig):
    with pytest.raises(pytest.UsageError, match="`raw` needs an id"):
        pytestconfig.hook.pytest_make_parametrize_id(config=pytestconfig, val=b"\xff", argname="raw")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"not gzip", "not gzip"),
        ("", "empty"),
        ({"only": ("xla/*",), "seed": 7}, "only=xla/*,seed=7"),
        (frozenset({"b", "a"}), "a+b"),
        ((), "nothing"),
        ("a\x1b[31m", "a?[31m"),
        ("x" * 100, "x" * 45 + "..."),
    ],
)
def test_a_value_is_named_by_what_it_says(value, name):
    assert naming.name_of(value) == name
