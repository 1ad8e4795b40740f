"""What the image promises to whoever runs it."""

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import autoencoder
import bench
from autoencoder import data
from bench.observe import machine


def call(*words, **variables):
    environment = {**os.environ, **variables}
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_the_user_is_nobody_the_image_knows():
    assert os.geteuid() != 0
    with pytest.raises(KeyError):
        pwd.getpwuid(os.geteuid())


def test_nothing_but_the_mounts_can_be_written():
    for folder in ("/", "/opt/bench", "/usr/local", "/var", "/cache"):
        assert not os.access(folder, os.W_OK), folder
    for folder in ("/tmp", "/results"):
        assert os.access(folder, os.W_OK), folder


def test_the_suite_is_the_images_own():
    for module in (autoencoder, bench):
        assert module.__file__.startswith("/opt/bench/project/")


@pytest.mark.parametrize("tool", ["gcc", "cc", "c++", "ld", "strip", "make", "git"])
def test_no_tools_of_the_build_are_left(tool):
    assert shutil.which(tool) is None


def test_the_data_set_is_there_without_a_network():
    with pytest.raises(OSError, match=r"unreachable|timed out"):
        socket.create_connection(("192.0.2.1", 80), timeout=2)
    found = data.load("auto")
    assert (found.source, len(found.train_images)) == ("debian", 60_000)


def test_the_result_would_say_which_image_this_is():
    facts = machine.look()["container"]
    assert facts["kind"].value != "none"
    assert len(facts["image_build"].value) == 64
    assert facts["image_flavour"].value == os.environ["BENCH_IMAGE_FLAVOUR"]


def test_caches_go_where_they_can_be_written():
    """The entry is given a command that shows its environment in place of ours."""
    folder = Path("/tmp/entry")
    folder.mkdir(exist_ok=True)
    (folder / "bench").write_text("#!/bin/sh\nenv\n")
    (folder / "bench").chmod(0o755)
    done = call(
        "/opt/bench/entry", PATH=f"{folder}:{os.environ['PATH']}", HOME="/", MPLCONFIGDIR="", KERAS_HOME="/tmp/k"
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert found["HOME"].startswith("/tmp/")
    assert found["MPLCONFIGDIR"] == f"{found['XDG_CACHE_HOME']}/matplotlib"
    assert found["KERAS_HOME"] == "/tmp/k"


def test_exit_codes_and_errors_come_through():
    done = call("/opt/bench/entry", "run", "--device", "gpu")
    assert done.returncode == 2
    assert "this container was given no card" in done.stderr
    assert call("/opt/bench/entry", "list").returncode == 0
