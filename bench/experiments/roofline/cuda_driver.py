"""What the CUDA driver takes for launches, graphs, waiting and copies, in a process whose GPU TensorFlow uses."""

import ctypes
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_ulonglong, c_void_p
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.experiments.roofline.peaks import DriverTimes, Transfer

Clock = Callable[[], float]
Handle = TypeVar("Handle", c_int, c_ulonglong, c_void_p)

LIBRARY = "libcuda.so.1"
TRIES = 11  # passes of which the median is taken
# In a row. With some 1,000 waiting in a stream the driver lets the host wait (NVIDIA's developer forum, 68937), and a
# launch would take as long as a kernel.
LAUNCHES = 256
# About as many as a step of this model can do with: 11 products, 4 biases with their sigmoids and 4 of their gradients,
# 4 sums for the biases, 1 loss and 8 updates. Compare with as many single kernels.
GRAPH_KERNELS = 32
GRAPH_LAUNCHES = LAUNCHES // GRAPH_KERNELS  # in a row: as many kernels

# PTX 6.0 came with CUDA 9.0, and drivers read what is older than they are; PTX for 6.0 runs on every later GPU
# (NVIDIA's Blackwell Compatibility Guide, 1.2). ptxas of CUDA 12.5 takes it for 6.0 to 9.0, that of 13.0 for 7.5 to
# 12.1. The text ends with a zero byte: ctypes sees to that.
PTX = b""".version 6.0
.target sm_60
.address_size 64

.visible .entry empty()
{
    ret;
}
"""

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING, as openxla/xla makes its streams (cuda_stream.cc)


class KernelNode(ctypes.Structure):
    """CUDA_KERNEL_NODE_PARAMS_v2 of cuda.h."""

    _fields_ = (
        ("func", c_void_p),
        ("gridDimX", c_uint),
        ("gridDimY", c_uint),
        ("gridDimZ", c_uint),
        ("blockDimX", c_uint),
        ("blockDimY", c_uint),
        ("blockDimZ", c_uint),
        ("sharedMemBytes", c_uint),
        ("kernelParams", POINTER(c_void_p)),
        ("extra", POINTER(c_void_p)),
        ("kern", c_void_p),
        ("ctx", c_void_p),
    )


_OUT = POINTER(c_void_p)
# As in cuda.h of CUDA 12.5 and 13.0, under the names that its macros give. All return a CUresult.
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuGetErrorName": (c_int, POINTER(c_char_p)),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDevicePrimaryCtxRetain": (_OUT, c_int),
    "cuDevicePrimaryCtxRelease_v2": (c_int,),
    "cuCtxPushCurrent_v2": (c_void_p,),
    "cuCtxPopCurrent_v2": (_OUT,),
    "cuModuleLoadData": (_OUT, c_char_p),
    "cuModuleGetFunction": (_OUT, c_void_p, c_char_p),
    "cuModuleUnload": (c_void_p,),
    "cuStreamCreate": (_OUT, c_uint),
    "cuStreamSynchronize": (c_void_p,),
    "cuStreamDestroy_v2": (c_void_p,),
    "cuLaunchKernel": (c_void_p, *[c_uint] * 7, c_void_p, _OUT, _OUT),
    "cuGraphCreate": (_OUT, c_uint),
    "cuGraphAddKernelNode_v2": (_OUT, c_void_p, _OUT, c_size_t, POINTER(KernelNode)),  # since CUDA 12.0
    "cuGraphInstantiateWithFlags": (_OUT, c_void_p, c_ulonglong),  # since CUDA 11.4
    "cuGraphLaunch": (c_void_p, c_void_p),
    "cuGraphExecDestroy": (c_void_p,),
    "cuGraphDestroy": (c_void_p,),
    "cuMemAlloc_v2": (POINTER(c_ulonglong), c_size_t),
    "cuMemFree_v2": (c_ulonglong,),
    "cuMemAllocHost_v2": (_OUT, c_size_t),
    "cuMemFreeHost": (c_void_p,),
    "cuMemcpyHtoD_v2": (c_ulonglong, c_void_p, c_size_t),
    "cuMemcpyDtoH_v2": (c_void_p, c_ulonglong, c_size_t),
}


class DriverError(Exception):
    """There is no driver, it is too old, or a call was refused: the text says which."""


class Driver:
    """The driver's functions by name; raises DriverError where it is missing, or one of them is."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise DriverError(f"no CUDA driver: {error}") from error
        self._functions: dict[str, Any] = {}
        for name, types in SIGNATURES.items():
            try:
                function = getattr(library, name)
            except AttributeError as error:
                raise DriverError(f"the CUDA driver has no {name}: it is older than CUDA 12.0") from error
            function.argtypes, function.restype = types, c_int
            self._functions[name] = function

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function; raises DriverError with the name of its error."""
        self._require(name, self._functions[name](*arguments))

    def call_often(self, name: str, count: int, *arguments: Any) -> None:
        """Call a function so many times in a row, without Python's own loop: that would be a part of what is timed."""
        calls = itertools.starmap(self._functions[name], itertools.repeat(arguments, count))
        self._require(name, next(filter(None, calls), 0))

    def make(self, kind: type[Handle], name: str, *arguments: Any) -> Handle:
        """What a function gives back through its first argument."""
        handle = kind()
        self.call(name, ctypes.byref(handle), *arguments)
        return handle

    def _require(self, name: str, code: int) -> None:
        if code:
            text = c_char_p()
            self._functions["cuGetErrorName"](code, ctypes.byref(text))
            raise DriverError(f"{name}: {text.value.decode() if text.value else f'error {code}'}")


def measure(sizes: Sequence[int], now: Clock = time.perf_counter) -> DriverTimes | str:
    """All of it on the first visible GPU, copies in these sizes in bytes; or the reason why there is none.

    Takes the device's primary context, which is the one that TensorFlow is in (openxla/xla, cuda_context.cc), and gives
    everything back. Nothing else may be on the GPU meanwhile. Needs as much free memory of the GPU, and of the host
    three times as much, as the largest of the sizes.
    """
    try:
        driver = Driver()
        with ExitStack() as stack:
            _enter_context(driver, stack)
            kernel, stream = _kernel(driver, stack), _stream(driver, stack)
            launch_seconds, kernel_seconds = _kernels(driver, kernel, stream, now)
            return DriverTimes(
                call_seconds=_calls(now),
                kernel_launch_seconds=launch_seconds,
                kernel_seconds=kernel_seconds,
                graph_launch_seconds=_graph_launches(driver, _graph(driver, stack, kernel), stream, now),
                graph_kernels=GRAPH_KERNELS,
                synchronise_seconds=_synchronisations(driver, stream, now),
                transfers=tuple(transfer for size in sizes for transfer in _transfers(driver, size, now)),
            )
    except DriverError as error:
        return str(_cause(error))


def _cause(error: DriverError) -> DriverError:
    """The first of several: after a grave one, what gives things back fails too."""
    while isinstance(error.__context__, DriverError):
        error = error.__context__
    return error


def _enter_context(driver: Driver, stack: ExitStack[bool | None]) -> None:
    """Make the GPU's primary context current in this thread, over the one that is."""
    driver.call("cuInit", 0)
    device = driver.make(c_int, "cuDeviceGet", 0)
    context = driver.make(c_void_p, "cuDevicePrimaryCtxRetain", device)
    stack.callback(driver.call, "cuDevicePrimaryCtxRelease_v2", device)
    driver.call("cuCtxPushCurrent_v2", context)
    stack.callback(driver.make, c_void_p, "cuCtxPopCurrent_v2")


def _kernel(driver: Driver, stack: ExitStack[bool | None]) -> c_void_p:
    module = driver.make(c_void_p, "cuModuleLoadData", PTX)
    stack.callback(driver.call, "cuModuleUnload", module)
    return driver.make(c_void_p, "cuModuleGetFunction", module, b"empty")


def _stream(driver: Driver, stack: ExitStack[bool | None]) -> c_void_p:
    stream = driver.make(c_void_p, "cuStreamCreate", _NON_BLOCKING)
    stack.callback(driver.call, "cuStreamDestroy_v2", stream)
    return stream


def _graph(driver: Driver, stack: ExitStack[bool | None], kernel: c_void_p) -> c_void_p:
    """An executable graph of empty kernels, each after the one before, as they are in a stream."""
    graph = driver.make(c_void_p, "cuGraphCreate", 0)
    stack.callback(driver.call, "cuGraphDestroy", graph)
    parameters = KernelNode(kernel, *[1] * 6)
    before: tuple[Any, int] = None, 0
    for _ in range(GRAPH_KERNELS):
        node = driver.make(c_void_p, "cuGraphAddKernelNode_v2", graph, *before, ctypes.byref(parameters))
        before = ctypes.byref(node), 1
    executable = driver.make(c_void_p, "cuGraphInstantiateWithFlags", graph, 0)
    stack.callback(driver.call, "cuGraphExecDestroy", executable)
    return executable


def _times(now: Clock, *parts: Callable[[], object]) -> list[list[float]]:
    """Seconds of each part, one after the other, in each of several passes; a pass before them warms up."""
    passes = []
    for _ in range(TRIES + 1):
        marks = [now()]
        for part in parts:
            part()
            marks.append(now())
        passes.append([after - before for before, after in itertools.pairwise(marks)])
    return passes[1:]


def _calls(now: Clock) -> float:
    """Seconds of a call from Python that does nothing, with as many arguments as a launch has.

    It is C's snprintf, for it writes nothing where there is no room, and what its format does not name is ignored.
    """
    nothing = ctypes.CDLL(None).snprintf
    nothing.argtypes = (c_void_p, c_size_t, c_char_p, *[c_uint] * 6, c_void_p, c_void_p)
    nothing.restype = c_int
    arguments = (None, c_size_t(0), b"", *[c_uint(1)] * 6, None, None)
    times = _times(now, lambda: any(itertools.starmap(nothing, itertools.repeat(arguments, LAUNCHES))))
    return statistics.median(seconds for (seconds,) in times) / LAUNCHES


def _kernels(driver: Driver, kernel: c_void_p, stream: c_void_p, now: Clock) -> tuple[float, float]:
    """Seconds of the host to queue an empty kernel, and of an empty kernel with the wait at the end."""
    one, none = c_uint(1), c_uint(0)  # made once: Python would make them anew in each launch
    arguments = (kernel, one, one, one, one, one, one, none, stream, None, None)
    times = _times(
        now,
        lambda: driver.call_often("cuLaunchKernel", LAUNCHES, *arguments),
        lambda: driver.call("cuStreamSynchronize", stream),
    )
    queued = statistics.median(queue for queue, _ in times)
    return queued / LAUNCHES, statistics.median(queue + wait for queue, wait in times) / LAUNCHES


def _graph_launches(driver: Driver, graph: c_void_p, stream: c_void_p, now: Clock) -> float:
    """Seconds of a launch of the graph, with the wait at the end."""

    def launches() -> None:
        driver.call_often("cuGraphLaunch", GRAPH_LAUNCHES, graph, stream)
        driver.call("cuStreamSynchronize", stream)

    return statistics.median(seconds for (seconds,) in _times(now, launches)) / GRAPH_LAUNCHES


def _synchronisations(driver: Driver, stream: c_void_p, now: Clock) -> float:
    """Seconds of waiting for a stream with nothing in it, as TensorFlow waits for its own."""
    times = _times(now, lambda: driver.call_often("cuStreamSynchronize", LAUNCHES, stream))
    return statistics.median(seconds for (seconds,) in times) / LAUNCHES


def _transfers(driver: Driver, size: int, now: Clock) -> list[Transfer]:
    """Copies of so many bytes there and back, from pinned and from pageable memory."""
    with ExitStack() as stack:
        there = driver.make(c_ulonglong, "cuMemAlloc_v2", size)
        stack.callback(driver.call, "cuMemFree_v2", there)
        pinned = driver.make(c_void_p, "cuMemAllocHost_v2", size)
        stack.callback(driver.call, "cuMemFreeHost", pinned)
        assert pinned.value is not None
        pages = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(pinned.value))
        random = np.random.default_rng(0)  # that each kind has other bytes, and none finds those of the other
        return [
            *_there_and_back(driver, "pinned", pages, there, random, now),
            *_there_and_back(driver, "pageable", np.empty(size, np.uint8), there, random, now),
        ]


def _there_and_back(
    driver: Driver,
    memory: Literal["pinned", "pageable"],
    here: NDArray[np.uint8],
    there: c_ulonglong,
    random: np.random.Generator,
    now: Clock,
) -> list[Transfer]:
    """Both ways between an array and the device; raises DriverError where other bytes come back than were sent."""
    size, address = len(here), c_void_p(here.ctypes.data)
    sent = random.integers(0, 256, size, np.uint8)
    here[:] = sent  # which also lets the system find pages for it, outside the timing
    to_device = _times(now, lambda: driver.call("cuMemcpyHtoD_v2", there, address, size))
    here[:] = 0
    to_host = _times(now, lambda: driver.call("cuMemcpyDtoH_v2", address, there, size))
    if not np.array_equal(here, sent):
        raise DriverError(f"of {size:,} bytes copied from {memory} memory and back, not all came back")
    return [
        Transfer(to="device", memory=memory, bytes=size, seconds=statistics.median(one for (one,) in to_device)),
        Transfer(to="host", memory=memory, bytes=size, seconds=statistics.median(one for (one,) in to_host)),
    ]
