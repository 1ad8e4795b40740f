"""What copying takes, and on a GPU what the CUDA driver itself does, raw: nothing that goes through it is faster."""

from typing import Literal

from bench.results.base import Record


class Transfer(Record, frozen=True, kw_only=True):
    """Seconds of one copy of so many bytes between the device and the host's memory, the median of several.

    numpy: by TensorFlow, from an array to a tensor on the device or back, with a number read back of what went there.
    The others are by the CUDA driver, until its call returns. From pageable memory that is when all is in the driver's
    own pinned memory, and may be before it is on the device; else it is when all has arrived (CUDA driver API, "API
    synchronization behavior").
    """

    to: Literal["device", "host"]
    memory: Literal["pinned", "pageable", "numpy"]  # the host's
    bytes: int
    seconds: float


class DriverLimits(Record, frozen=True, kw_only=True):
    """Medians of several passes, on a stream of our own, of kernels that do nothing.

    A launch is a call from Python here, which TensorFlow's are not: `call_seconds` is what such a call takes that does
    nothing, and is in `kernel_launch_seconds`. `kernel_seconds` is about the longer of queueing and running.
    """

    call_seconds: float
    kernel_launch_seconds: float  # of the host, to queue one of many in a row
    kernel_seconds: float  # of one of many in a row, with the wait at their end
    graph_launch_seconds: float  # of one of several launches of a graph in a row, with the wait at their end
    graph_kernels: int  # in the graph, each after the one before
    synchronise_seconds: float  # of waiting for a stream with nothing in it
    transfers: tuple[Transfer, ...]
