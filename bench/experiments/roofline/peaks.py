"""What a device was measured to do at best, as a result holds it, and the fewest seconds that a step can take there."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, cast

from bench.experiments.base import Figures, Measured, is_measured
from bench.experiments.roofline.step_cost import PRODUCTS, STATE_BYTES
from bench.results import estimates
from bench.results.record import ProcessRecord, Quantities
from bench.results.schema import Estimate
from bench.stats import inference

PEAKS = "peaks"
SHARE = "roofline_share"  # the fewest seconds that a step can take over a case's own

Place = Literal["device", "host"]
HostMemory = Literal["pinned", "pageable", "numpy"]

_TRANSFER = re.compile(r"transfer_to_(device|host)_(pinned|pageable|numpy)_of_([0-9]{1,18})_bytes_in_seconds")


@dataclass(frozen=True)
class EagerParts:
    """Seconds of an eager step, and of what is left of it without its optimizer, and without its gradients too."""

    forward_seconds: float
    with_gradients_seconds: float
    step_seconds: float


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Seconds of one copy of so many bytes between the device and the host's memory, the median of several.

    numpy: by TensorFlow, from an array to a tensor on the device or back, with a number read back of what went there.
    The others are by the CUDA driver, until its call returns. From pageable memory that is when all is in the driver's
    own pinned memory, and may be before it is on the device; else it is when all has arrived (CUDA driver API, "API
    synchronization behavior").
    """

    to: Place
    memory: HostMemory
    bytes: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class DriverTimes:
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
    transfers: Sequence[Transfer]


@dataclass(frozen=True, kw_only=True)
class Peaks:
    """What a device was measured to do at best; the products by kind (bench/experiments/roofline/step_cost.py).

    Copies count bytes read and written, of an array as large as the model's parameters, and of one beyond the caches.
    `driver` is a GPU's, None where `driver_reason` says why.
    """

    eager_op_seconds: float
    function_call_seconds: float  # of a function with one operation
    copy_bytes_per_second: float
    large_copy_bytes_per_second: float
    matmul_flops_per_second: Mapping[str, float]
    large_matmul_flops_per_second: float
    eager_parts: EagerParts
    synchronise_seconds: float | None = None  # reading a number that is there already; None: of an older version
    transfers: Sequence[Transfer] = ()
    driver: DriverTimes | None = None
    driver_reason: str | None = None


# Of the record's names those that stand in a result as they are.
_PLAIN = (
    "eager_op_seconds",
    "function_call_seconds",
    "copy_bytes_per_second",
    "large_copy_bytes_per_second",
    "large_matmul_flops_per_second",
)
_EAGER = ("forward", "with_gradients", "step")
_DRIVER = (
    "call_seconds",
    "kernel_launch_seconds",
    "kernel_seconds",
    "graph_launch_seconds",
    "synchronise_seconds",
)


def write(peaks: Peaks) -> dict[str, float | str]:
    """As named quantities, and the reason where something is missing."""
    found: dict[str, float | str] = {name: getattr(peaks, name) for name in _PLAIN}
    if peaks.synchronise_seconds is not None:
        found["synchronise_seconds"] = peaks.synchronise_seconds
    found |= {f"matmul_{kind}_flops_per_second": rate for kind, rate in peaks.matmul_flops_per_second.items()}
    found |= {f"eager_{name}": seconds for name, seconds in vars(peaks.eager_parts).items()}
    driver = peaks.driver
    for one in (*peaks.transfers, *(driver.transfers if driver else ())):
        found[f"transfer_to_{one.to}_{one.memory}_of_{one.bytes}_bytes_in_seconds"] = one.seconds
    if driver:
        found |= {f"driver_{name}": getattr(driver, name) for name in _DRIVER}
        found["driver_graph_kernels_count"] = driver.graph_kernels
    elif peaks.driver_reason:
        found["driver"] = peaks.driver_reason
    return found


def read(quantities: Sequence[Quantities]) -> dict[int, Peaks]:
    """What is there of it, by repetition; what a foreign file has incomplete is left out."""
    return {one.repetition: found for one in quantities if one.name == PEAKS if (found := _read(one))}


def _read(quantities: Quantities) -> Peaks | None:
    values = quantities.values
    transfers = tuple(_transfers(values))
    try:
        return Peaks(
            **{name: values[name] for name in _PLAIN},
            matmul_flops_per_second={kind: values[f"matmul_{kind}_flops_per_second"] for kind in PRODUCTS},
            eager_parts=EagerParts(*(values[f"eager_{name}_seconds"] for name in _EAGER)),
            synchronise_seconds=values.get("synchronise_seconds"),
            transfers=tuple(one for one in transfers if one.memory == "numpy"),
            driver=_driver(values, [one for one in transfers if one.memory != "numpy"]),
            driver_reason=quantities.reasons.get("driver"),
        )
    except KeyError:
        return None


def _transfers(values: Mapping[str, float]) -> Iterator[Transfer]:
    for name, seconds in values.items():
        if known := _TRANSFER.fullmatch(name):
            to, memory = cast("Place", known[1]), cast("HostMemory", known[2])
            yield Transfer(to=to, memory=memory, bytes=int(known[3]), seconds=seconds)


def _driver(values: Mapping[str, float], transfers: Sequence[Transfer]) -> DriverTimes | None:
    if "driver_call_seconds" not in values:
        return None
    return DriverTimes(
        **{name: values[f"driver_{name}"] for name in _DRIVER},
        graph_kernels=int(values["driver_graph_kernels_count"]),
        transfers=transfers,
    )


def arithmetic_seconds(peaks: Peaks) -> float:
    """The matrix products of a step, each kind as fast as it was measured by itself."""
    return sum(product.flops / peaks.matmul_flops_per_second[name] for name, product in PRODUCTS.items())


def memory_seconds(peaks: Peaks) -> float:
    """Weights, gradients and Adam's state moved once, as fast as an array of the weights' size is."""
    return STATE_BYTES / max(peaks.copy_bytes_per_second, peaks.large_copy_bytes_per_second)


def fewest_seconds(peaks: Peaks) -> float:
    """Both at the same time, and nothing else."""
    return max(arithmetic_seconds(peaks), memory_seconds(peaks))


def share_of_roofline(processes: Sequence[ProcessRecord], peaks: Mapping[int, Peaks]) -> Estimate:
    """The fewest seconds over a case's own, repetition by repetition: 1 is as fast as this device can be."""
    logs = [
        math.log(fewest_seconds(peaks[process.repetition]) / median(process.seconds_per_step))
        for process in processes
        if process.repetition in peaks
    ]
    return estimates.ratio(inference.mean(logs)) if logs else estimates.missing("the peaks were not measured")


def figures(measured: Measured) -> Mapping[str, Figures]:
    """How far every case gets, where the peaks were measured."""
    if not (peaks := read(measured.quantities)):
        return {}
    return {
        record.case.name: {SHARE: share_of_roofline(record.processes, peaks)}
        for record in measured.cases
        if is_measured(record)
    }
