"""What the image promises to whoever runs it."""

import ctypes
import os
import pwd
import re
import shutil
import socket
import subprocess
import sysconfig
from pathlib import Path

import pytest
from support import patience

import autoencoder
import bench
from autoencoder import data
from bench.machine import container, device
from bench.machine import facts as machine_facts


def call(*words, **variables):
    environment = {**os.environ, **variables}
    return subprocess.run(
        words, capture_output=True, text=True, timeout=patience.limit(120), check=False, env=environment
    )


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
    facts = machine_facts.look()["container"]
    assert facts["kind"].value != "none"
    assert len(facts["image_build"].value) == 64
    assert facts["image_flavour"].value == os.environ["BENCH_IMAGE_FLAVOUR"]


def test_caches_go_where_they_can_be_written():
    """The entry is given a command that shows its environment in place of ours."""
    folder = Path("/results/entry")  # nothing in Docker's /tmp can be executed
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


@pytest.mark.skipif(device.driver_sign() is not None, reason="this container was given a GPU")
def test_exit_codes_and_errors_come_through():
    done = call("/opt/bench/entry", "run", "--device", "gpu")
    assert done.returncode == 2
    assert "this container was given no GPU" in done.stderr
    assert call("/opt/bench/entry", "list").returncode == 0


@pytest.fixture
def nvidia():
    """The folder of CUDA's wheels, which only the image for GPUs has."""
    if not container.of_gpu_flavour():
        pytest.skip("this image is for CPUs")
    return Path(sysconfig.get_path("purelib")) / "nvidia"


def test_the_libraries_tensorflow_opens_on_a_gpu_load(nvidia):
    """All that they need of each other is there; the driver's own libraries come with a GPU."""
    wanted = {"cublas", "cudart", "cudnn", "cufft", "cupti", "cusolver", "cusparse", "nccl", "nvJitLink", "nvrtc"}
    missing = {}
    for library in sorted(nvidia.glob("*/lib/lib*.so*")):
        try:
            ctypes.CDLL(str(library))
            wanted -= {re.match(r"lib([A-Za-z]+)", library.name)[1]}
        except OSError as error:
            if not re.search(r"lib(cuda|nvidia-ml)\.so", str(error)):
                missing[library.name] = str(error)
    assert not missing
    assert not wanted


def test_xlas_assembler_and_device_library_are_there(nvidia):
    done = call(str(nvidia / "cuda_nvcc/bin/ptxas"), "--version")
    assert "ptxas" in done.stdout
    assert (nvidia / "cuda_nvcc/nvvm/libdevice/libdevice.10.bc").is_file()


def test_the_runtime_gives_the_image_its_gpu_and_nvml():
    given = os.environ.get("NVIDIA_VISIBLE_DEVICES"), os.environ.get("NVIDIA_DRIVER_CAPABILITIES")
    if container.of_gpu_flavour():
        assert given[0]  # `all`, or what the runtime made of it
        assert given[1] == "compute,utility"
    else:
        assert given == ("void", None)
