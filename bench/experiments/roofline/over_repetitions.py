"""What the peaks of a device come to over the repetitions: a step at best, launches, and an eager step in parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.experiments.roofline import peaks
from bench.experiments.roofline.peaks import Peaks
from bench.results import estimates
from bench.results.schema import Document, Estimate


@dataclass(frozen=True)
class Figures:
    """Of the device, over the repetitions: seconds of a step at best, and an eager step with its parts.

    `arithmetic` and `memory` are seconds by repetition; `launches` names what takes the seconds that stand there,
    repetition by repetition; FLOP/s likewise. `eager_shares` are of an eager step, `eager_seconds` the medians of its
    parts, for drawing.
    """

    arithmetic: Mapping[int, float]
    memory: Mapping[int, float]
    fewest: Estimate
    large_flops: Sequence[float]
    launches: Mapping[str, Sequence[float]]
    eager_step: Estimate
    eager_shares: Mapping[str, Estimate]
    eager_seconds: Mapping[str, float]


def figures(document: Document) -> Figures | None:
    """The peaks of the device, None where they were not measured."""
    measured = peaks.read(document.experiment.quantities)
    if not measured:
        return None
    steps = [device.eager_parts for device in measured.values()]
    parts = {
        "forward": [one.forward_seconds for one in steps],
        "gradients": [one.with_gradients_seconds - one.forward_seconds for one in steps],
        "optimizer": [one.step_seconds - one.with_gradients_seconds for one in steps],
    }
    whole = [one.step_seconds for one in steps]
    return Figures(
        arithmetic={repetition: peaks.arithmetic_seconds(device) for repetition, device in measured.items()},
        memory={repetition: peaks.memory_seconds(device) for repetition, device in measured.items()},
        fewest=estimates.level([peaks.fewest_seconds(device) for device in measured.values()]),
        large_flops=[device.large_matmul_flops_per_second for device in measured.values()],
        launches=_launches(list(measured.values())),
        eager_step=estimates.level(whole),
        eager_shares={
            name: estimates.average([part / step for part, step in zip(of_part, whole, strict=True)])
            for name, of_part in parts.items()
        },
        eager_seconds={name: median(of_part) for name, of_part in parts.items()},
    )


def _launches(measured: Sequence[Peaks]) -> dict[str, Sequence[float]]:
    """What takes the host's time around a step, in seconds, by repetition; what none has is left out."""
    drivers = [device.driver for device in measured if device.driver]
    found = {
        "launching an operation": [device.eager_op_seconds for device in measured],
        "calling a function": [device.function_call_seconds for device in measured],
        "waiting for nothing": [device.synchronise_seconds for device in measured if device.synchronise_seconds],
        "a call that does nothing, as the driver is called": [driver.call_seconds for driver in drivers],
        "queueing a kernel by the driver": [driver.kernel_launch_seconds for driver in drivers],
        "an empty kernel": [driver.kernel_seconds for driver in drivers],
        f"a CUDA graph of {drivers[0].graph_kernels if drivers else 0} kernels": [
            driver.graph_launch_seconds for driver in drivers
        ],
        "waiting for nothing by the driver": [driver.synchronise_seconds for driver in drivers],
    }
    return {name: seconds for name, seconds in found.items() if seconds}
