"""Which variables reach the processes that measure: what is known passes, the rest of its kind does not."""

import sys

import msgspec
import numpy as np
import pytest
from support import documents, patience

from bench import protocol
from bench.doctor import host
from bench.launch.server import Server
from bench.launch.worker import Timeouts
from bench.machine import device, environment, variables
from bench.recording import fingerprint

CPU = device.choose("cpu")
# Found in no list here: the first two are TensorFlow's own (tensorflow/python/eager/polymorphic_function and
# python/util/lazy_loader of 2.21), the others are made up, of the kinds that are looked at.
UNHEARD_OF = (
    "TF_FUNCTION_JIT_COMPILE_DEFAULT",
    "TF_USE_LEGACY_KERAS",
    "TF_SOMETHING_NEW",
    "XLA_NEW_SWITCH",
    "KERAS_TORCH_DEVICE",
    "CUDA_SOMETHING",
    "PYTHONMALLOC",
    "PYTHONTRACEMALLOC",
)
CHOSEN = ("OMP_SOMETHING_NEW", "KMP_BLOCKTIME", "MALLOC_ARENA_MAX", "ONEDNN_MAX_CPU_ISA", "MKL_NEW", "XLA_FLAGS")

# What a driver and TensorFlow read of a GPU's variables, and what is done with each.
OF_A_GPU = [
    # Memory policies of their own. GetMemoryLimitBytes of xla/stream_executor/stream_executor.cc; GpuCudaMallocAsync.
    ("TF_PER_DEVICE_MEMORY_LIMIT_MB", "taken out"),
    ("TF_CUDA_MALLOC_ASYNC_SUPPORTED_PREALLOC", "taken out"),
    # GetFlagsFromEnv of xla/stream_executor/cuda/cuda_context.cc: spin, yield or blocking_sync.
    ("TF_CUDA_PLATFORM_GPU_DEVICE_SCHEDULE", "recorded"),
    # CUDA Programming Guide, chapter 5.2, environment variables.
    ("CUDA_DEVICE_MAX_CONNECTIONS", "recorded"),
    ("CUDA_MODULE_LOADING", "recorded"),
    # NVIDIA's Multi-Process Service, chapter 4.2, environment variables.
    ("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "recorded"),
    ("CUDA_MPS_CLIENT_PRIORITY", "recorded"),
    ("CUDA_MPS_ENABLE_PER_CTX_DEVICE_MULTIPROCESSOR_PARTITIONING", "recorded"),
    ("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT", "recorded"),
    ("CUDA_MPS_LOG_DIRECTORY", "a place"),
    ("CUDA_MPS_PIPE_DIRECTORY", "a place"),
]


@pytest.mark.parametrize(("name", "fate"), OF_A_GPU)
def test_what_becomes_of_a_gpus_variables(name, fate):
    inherited = {name: "/tmp/x" if fate == "a place" else "1"}
    passed = environment.for_servers(CPU, inherited).get(name) != ""
    assert (passed, name in environment.recorded(CPU, inherited)) == {
        "taken out": (False, False),
        "recorded": (True, True),
        "a place": (True, False),
    }[fate]


@pytest.mark.parametrize("name", [name for name, fate in OF_A_GPU if fate == "recorded"])
def test_two_results_differ_in_what_is_recorded_of_a_gpu(name):
    found = documents.document(documents.simulate(np.random.default_rng(1)))
    section = found.autoencoder_bench

    def software(inherited):
        device = msgspec.structs.replace(section.device, environment=environment.recorded(CPU, inherited))
        return fingerprint.take(found.machine_info, device, section.software, {}).software

    assert software({name: "1"}).items() - software({}).items() == {(name, "1")}


@pytest.mark.parametrize("name", UNHEARD_OF)
def test_what_nobody_listed_is_taken_out(name):
    inherited = {name: "1", "HOME": "/home/x"}
    assert environment.for_servers(CPU, inherited)[name] == ""  # empty is taken out (launcher)
    assert name not in environment.recorded(CPU, inherited)
    assert variables.taken_out(inherited) == [name]


@pytest.mark.parametrize("name", CHOSEN)
def test_what_somebody_chose_stays_and_is_recorded(name):
    inherited = {name: "--x=2"}
    assert environment.for_servers(CPU, inherited).get(name, "--x=2") == "--x=2"
    assert environment.recorded(CPU, inherited)[name] == "--x=2"
    assert variables.taken_out(inherited) == []


def test_cudas_and_openmps_own_names_are_known():
    """As CUDA's programming guide ("CUDA Environment Variables") and LLVM's OpenMP runtime reference write them."""
    names = {"CUDA_LAUNCH_BLOCKING", "KMP_BLOCKTIME"}
    assert variables.settings(dict.fromkeys(names, "1")).keys() == names


@pytest.mark.parametrize("name", ["HOME", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "KERAS_HOME", "SOMETHING"])
def test_the_users_own_affairs_stay_and_are_not_recorded(name):
    inherited = {name: "/home/someone"}
    assert name not in environment.for_servers(CPU, inherited)
    assert name not in environment.recorded(CPU, inherited)


@pytest.mark.parametrize("name", ["TF_XLA_FLAGS", "XLA_FLAGS"])
def test_flags_in_a_file_are_taken_out(name):
    """Of a file nobody would see in a result what is in it."""
    inherited = {name: "/home/someone/flags"}
    assert environment.for_servers(CPU, inherited)[name] == ""
    assert name not in environment.recorded(CPU, inherited)


def test_a_value_that_is_no_text_can_be_written():
    assert environment.recorded(CPU, {"OMP_NUM_THREADS": "\udcff2"})["OMP_NUM_THREADS"] == "?2"


def test_of_a_library_that_is_loaded_first_the_name_is_recorded():
    inherited = {"LD_PRELOAD": "/home/someone/libtcmalloc.so.4:/opt/x/libother.so"}
    assert environment.recorded(CPU, inherited)["LD_PRELOAD"] == "libtcmalloc.so.4:libother.so"


def test_the_doctor_says_beforehand_what_stays_and_what_does_not():
    found = host.environment({"TF_SOMETHING_NEW": "1", "OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "0"})
    assert found.state == "warning"
    assert "OMP_NUM_THREADS stay and are recorded" in found.text
    assert "TF_SOMETHING_NEW are taken out" in found.text
    assert "CUDA_VISIBLE_DEVICES" not in found.text
    assert host.environment({"HOME": "/"}).state == "ok"


ASK = """
import os, sys
from bench.backends.tensorflow import handlers
from bench.worker import server
from bench.protocol import Probe
def probe(session, request):
    raise RuntimeError(" ".join(sorted(name for name in os.environ if name.startswith(("TF_F", "TF_U", "PYTHONM")))))
handlers.HANDLERS[Probe] = probe
server.main(sys.argv[1:])
"""


def test_a_real_worker_does_not_see_them(tmp_path, monkeypatch):
    """TF_USE_LEGACY_KERAS alone would end the server, since that Keras is not installed."""
    for name in ("TF_FUNCTION_JIT_COMPILE_DEFAULT", "TF_USE_LEGACY_KERAS", "PYTHONMALLOC"):
        monkeypatch.setenv(name, "1" if name != "PYTHONMALLOC" else "debug")
    command = (sys.executable, "-c", ASK)
    server = Server("sample", environment.for_servers(CPU), tmp_path / "server.log", Timeouts(), command)
    try:
        server.wait_until_ready()
        worker, _ = server.start_worker(tmp_path / "worker.log")
        with pytest.raises(Exception, match=r"^RuntimeError, in Probe"):
            worker.ask(protocol.Probe(), protocol.Probed, patience.limit(60))
    finally:
        server.close()
