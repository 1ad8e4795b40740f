"""The driver's functions are called as cuda.h has them, on a library without a GPU that keeps account and time."""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience

from bench.experiments.roofline import cuda_driver
from bench.experiments.roofline.peaks import DriverTimes, Transfer

SOURCE = Path(__file__).parent / "stand_in" / "cuda.c"
SIZES = (7, 4096)
OUT_OF_MEMORY, NO_DEVICE, ILLEGAL_ADDRESS = 2, 100, 700  # cuda.h of CUDA 12.5

# How a type of cuda.h is passed, where pointers and handles, which are pointers, are one.
PASSED = {
    "int": ctypes.c_int,
    "unsigned int": ctypes.c_uint,
    "unsigned long long": ctypes.c_ulonglong,
    "size_t": ctypes.c_size_t,
    "CUdevice": ctypes.c_int,
    "CUdeviceptr": ctypes.c_ulonglong,
    "CUresult": ctypes.c_int,
}
GIVING_BACK = [name for name in cuda_driver.SIGNATURES if re.search("Release|Pop|Unload|Destroy|Free", name)]


def compile_into(folder, *options):
    """The path of the library. Skips where there is no compiler, or no Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, for the stand-in of the CUDA driver")
    library = folder / "libcuda.so.1"
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", *options]
    subprocess.run([*command, "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compile_into(tmp_path_factory.mktemp("cuda"))


@pytest.fixture
def driver(library, monkeypatch):
    """The stand-in at its start, as the library that is measured; few calls."""
    monkeypatch.setattr(cuda_driver, "LIBRARY", str(library))
    monkeypatch.setattr(cuda_driver, "LAUNCHES", 4)
    monkeypatch.setattr(cuda_driver, "GRAPH_LAUNCHES", 3)
    monkeypatch.setattr(cuda_driver, "TRIES", 2)
    control = ctypes.CDLL(str(library))
    control.stand_in_seconds.restype = ctypes.c_double
    control.stand_in_start()
    return control


def measured(driver, sizes=SIZES):
    return cuda_driver.measure(sizes, driver.stand_in_seconds)


def test_every_field_follows_from_the_clock(driver):
    found = measured(driver)
    assert isinstance(found, DriverTimes)
    assert found.call_seconds == 0  # the made-up clock runs in the driver only
    assert found.kernel_launch_seconds == pytest.approx(2e-6)
    # The device begins with the first launch, and has the last one's end waited for.
    assert found.kernel_seconds == pytest.approx((2e-6 + 4 * 5e-6 + 1e-6) / 4)
    assert found.graph_kernels == 32
    assert found.graph_launch_seconds == pytest.approx((8e-6 + 3 * 32 * 3e-6 + 1e-6) / 3)
    assert found.synchronise_seconds == pytest.approx(1e-6)


def test_every_copy_is_there_with_its_own_time(driver):
    found = measured(driver)
    assert isinstance(found, DriverTimes)
    assert found.transfers == tuple(
        Transfer(to=to, memory=memory, bytes=size, seconds=pytest.approx(fixed + size * each))
        for size in SIZES
        for memory, each in (("pinned", 1e-9), ("pageable", 3e-9))
        for to, fixed in (("device", 10e-6), ("host", 10.5e-6))
    )


def test_no_sizes_are_no_copies(driver):
    found = measured(driver, ())
    assert isinstance(found, DriverTimes)
    assert found.transfers == ()
    assert driver.stand_in_calls(b"cuMemAlloc_v2") == 0


def test_the_median_of_the_passes_is_taken_and_the_first_is_not_among_them(monkeypatch):
    monkeypatch.setattr(cuda_driver, "TRIES", 3)
    moments = iter([0.0, 50.0, 100.0, 101.0, 200.0, 207.0, 300.0, 302.0])
    assert cuda_driver._times(lambda: next(moments), lambda: None) == [[1.0], [7.0], [2.0]]


def test_a_median_is_not_moved_by_one_slow_pass(driver, monkeypatch):
    monkeypatch.setattr(cuda_driver, "TRIES", 3)
    passes = [[1.0], [7.0], [2.0]]
    monkeypatch.setattr(cuda_driver, "_times", lambda now, *parts: [row * len(parts) for row in passes])
    made = cuda_driver.Driver()
    assert cuda_driver._synchronisations(made, None, None) == 2.0 / 4
    assert cuda_driver._kernels(made, None, None, None) == (2.0 / 4, 4.0 / 4)


@pytest.mark.parametrize("function", ["cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2"])
@pytest.mark.parametrize("memory", ["pinned", "pageable"])
def test_a_copy_that_does_not_arrive_is_found(driver, function, memory):
    driver.stand_in_lose(function.encode(), int(memory == "pinned"))
    assert measured(driver) == f"of 7 bytes copied from {memory} memory and back, not all came back"
    assert driver.stand_in_held() == 0


def test_the_calls_are_those_that_are_said_and_a_pass_warms_up(driver):
    assert isinstance(measured(driver), DriverTimes)
    passes = 2 + 1
    assert driver.stand_in_calls(b"cuLaunchKernel") == passes * 4
    assert driver.stand_in_calls(b"cuGraphLaunch") == passes * 3
    assert driver.stand_in_calls(b"cuStreamSynchronize") == passes * (1 + 1 + 4)
    assert driver.stand_in_calls(b"cuMemcpyHtoD_v2") == driver.stand_in_calls(b"cuMemcpyDtoH_v2") == passes * 2 * 2


def test_everything_is_given_back(driver):
    assert isinstance(measured(driver), DriverTimes)
    assert driver.stand_in_held() == 0
    made = driver.stand_in_calls(b"cuMemAlloc_v2")
    assert made == driver.stand_in_calls(b"cuMemFree_v2") == driver.stand_in_calls(b"cuMemFreeHost") == len(SIZES)


def test_what_is_held_is_counted(driver):
    """Otherwise the test above could not fail."""
    made = cuda_driver.Driver()
    made.call("cuInit", 0)
    context = made.make(ctypes.c_void_p, "cuDevicePrimaryCtxRetain", made.make(ctypes.c_int, "cuDeviceGet", 0))
    made.call("cuCtxPushCurrent_v2", context)
    made.make(ctypes.c_ulonglong, "cuMemAlloc_v2", 7)
    assert driver.stand_in_held() == 3


@pytest.mark.parametrize("name", [name for name in cuda_driver.SIGNATURES if name != "cuGetErrorName"])
def test_an_error_at_any_call_is_the_reason_and_everything_is_given_back(driver, name):
    assert isinstance(measured(driver), DriverTimes)
    calls = driver.stand_in_calls(name.encode())
    assert calls > 0
    for call in range(1, calls + 1):
        driver.stand_in_start()
        driver.stand_in_fail(name.encode(), call, ILLEGAL_ADDRESS)
        assert measured(driver) == f"{name}: CUDA_ERROR_ILLEGAL_ADDRESS"
        assert driver.stand_in_held() == 0
        if name not in GIVING_BACK:  # nothing more is tried; what is given back has to be, whatever it says
            assert driver.stand_in_calls(name.encode()) == call


def test_of_several_errors_the_first_is_the_reason(driver):
    made = cuda_driver.Driver()
    driver.stand_in_fail(b"cuStreamSynchronize", 1, ILLEGAL_ADDRESS)
    functions = made._functions | {"cuModuleUnload": lambda module: OUT_OF_MEMORY}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda_driver, "Driver", lambda: made)
        patch.setattr(made, "_functions", functions)
        assert measured(driver) == "cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS"


def test_an_error_without_a_name_is_a_number(driver):
    driver.stand_in_fail(b"cuInit", 1, 12345)
    assert measured(driver) == "cuInit: error 12345"


def test_no_gpu_and_no_memory_are_reasons(driver):
    driver.stand_in_fail(b"cuInit", 1, NO_DEVICE)
    assert measured(driver) == "cuInit: CUDA_ERROR_NO_DEVICE"
    driver.stand_in_start()
    driver.stand_in_fail(b"cuMemAlloc_v2", 2, OUT_OF_MEMORY)
    assert measured(driver) == "cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY"


def test_no_driver_is_a_reason(monkeypatch):
    monkeypatch.setattr(cuda_driver, "LIBRARY", "libcuda-of-nobody.so.1")
    assert str(cuda_driver.measure(SIZES)).startswith("no CUDA driver: libcuda-of-nobody.so.1")


def test_a_driver_that_is_too_old_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(cuda_driver, "LIBRARY", str(compile_into(tmp_path, "-DOLD")))
    assert cuda_driver.measure(SIZES) == "the CUDA driver has no cuGraphAddKernelNode_v2: it is older than CUDA 12.0"


def prototypes():
    """The stand-in's own, which a compiler held against cuda.h: the names, and the types of the arguments."""
    found = re.findall(r"^CUresult (cu\w+)\((.*)\) \{$", SOURCE.read_text(), re.MULTILINE)
    return {name: [re.sub(r"\b\w+$", "", argument).strip() for argument in text.split(", ")] for name, text in found}


def test_the_stand_in_has_what_is_called_and_nothing_else():
    assert prototypes().keys() == cuda_driver.SIGNATURES.keys()


@pytest.mark.parametrize("name", cuda_driver.SIGNATURES)
def test_arguments_are_passed_as_cuda_h_has_them(name):
    types = cuda_driver.SIGNATURES[name]
    wanted = prototypes()[name]
    assert len(types) == len(wanted)
    for ours, theirs in zip(types, wanted, strict=True):
        if theirs in PASSED:
            assert ours is PASSED[theirs]
        else:  # a pointer, or a handle, which is one
            assert theirs.endswith("*") or theirs.startswith("CU")
            assert issubclass(ours, ctypes.c_void_p | ctypes.c_char_p | ctypes._Pointer)
            assert ctypes.sizeof(ours) == 8


def test_results_are_read_into_as_many_bytes_as_are_written():
    """What is behind a pointer to a number: a shorter one of ours would be written beyond its end."""
    for name, types in cuda_driver.SIGNATURES.items():
        for ours, theirs in zip(types, prototypes()[name], strict=True):
            if theirs in ("CUdevice *", "CUdeviceptr *"):
                assert ours._type_ is PASSED[theirs.removesuffix(" *")]


def test_a_node_has_the_layout_of_cuda_h():
    # cuda.h of CUDA 12.5, CUDA_KERNEL_NODE_PARAMS_v2; its two sizes are held against the header in cuda.c.
    node = cuda_driver.KernelNode
    offsets = [getattr(node, name).offset for name, _ in node._fields_]
    assert offsets == [0, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64]
    assert ctypes.sizeof(node) == 72


def test_a_worker_finds_the_library_by_its_name(library):
    code = """
import json, msgspec
from bench.experiments.roofline import cuda_driver
print(json.dumps(msgspec.to_builtins(cuda_driver.measure((200704,)))))
"""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=patience.limit(60), check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["call_seconds"] > 0
    assert [transfer["bytes"] for transfer in found["transfers"]] == [200704] * 4
    assert all(transfer["seconds"] > 0 for transfer in found["transfers"])
