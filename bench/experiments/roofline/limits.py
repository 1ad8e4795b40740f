"""The fewest seconds that a step can take on a device, from what the device was measured to do at best."""

import math
from collections.abc import Sequence
from statistics import median

from bench.experiments.roofline.step_cost import PRODUCTS, STATE_BYTES
from bench.results import estimates
from bench.results.record import Limits, Replicate
from bench.results.schema import Estimate
from bench.stats import inference


def arithmetic_seconds(limits: Limits) -> float:
    """The matrix products of a step, each kind as fast as it was measured by itself."""
    return sum(product.flops / limits.matmul_flops_per_second[name] for name, product in PRODUCTS.items())


def memory_seconds(limits: Limits) -> float:
    """Weights, gradients and Adam's state moved once, as fast as an array of the weights' size is."""
    return STATE_BYTES / max(limits.copy_bytes_per_second, limits.large_copy_bytes_per_second)


def fewest_seconds(limits: Limits) -> float:
    """Both at the same time, and nothing else."""
    return max(arithmetic_seconds(limits), memory_seconds(limits))


def share_of_limit(replicates: Sequence[Replicate], limits: Sequence[Limits]) -> Estimate:
    """The fewest seconds over a case's own, cohort by cohort: 1 is as fast as this device can be."""
    at_best = {found.cohort: fewest_seconds(found) for found in limits}
    logs = [
        math.log(at_best[replicate.cohort] / median(replicate.seconds_per_step))
        for replicate in replicates
        if replicate.cohort in at_best
    ]
    return estimates.ratio(inference.mean(logs)) if logs else estimates.missing("the limits were not measured")
