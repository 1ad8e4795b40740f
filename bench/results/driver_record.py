"""What waiting for a device, launching on it, and copying to it and back cost: a small model is bound by these."""

from typing import Literal

from bench.results.base import Record


class Transfer(Record, frozen=True, kw_only=True):
    """One copy of so many bytes, the median of several: by the driver from pinned or pageable memory of the host.

    numpy: by TensorFlow, from a NumPy array to a tensor on the device or back, with all that it does besides.
    """

    to: Literal["device", "host"]
    memory: Literal["pinned", "pageable", "numpy"]
    bytes: int
    seconds: float


class DriverLimits(Record, frozen=True, kw_only=True):
    """What CUDA's driver takes, in seconds, without TensorFlow; medians of several.

    kernel_launch_seconds: of the host, to queue one empty kernel of many in a row.
    kernel_seconds: one empty kernel after another, until the last is done.
    graph_launch_seconds: one launch of a CUDA graph of `graph_kernels` empty kernels, until it is done.
    synchronise_seconds: waiting where nothing is queued.
    """

    kernel_launch_seconds: float
    kernel_seconds: float
    graph_launch_seconds: float
    graph_kernels: int
    synchronise_seconds: float
    transfers: tuple[Transfer, ...]
