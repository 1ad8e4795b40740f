"""What is derived of the samples: speed-up and efficiency, strong and weak, communication, bandwidth, stragglers.

Speed-up and efficiency are as usual: of n devices over one, with the same batch (strong) or with the same rows on each
device (weak). Algorithm and bus bandwidth are those of NVIDIA's nccl-tests (doc/PERFORMANCE.md): S / t, and for an
all-reduce 2 (n - 1) / n of that.
"""

import re
from collections.abc import Mapping
from statistics import median

import msgspec

from bench.experiments.base import Figures, Measured, is_measured
from bench.plan import strategies
from bench.plan.case import USUAL_BATCH_SIZE, Case
from bench.results import estimates
from bench.results.record import CaseRecord
from bench.results.schema import Estimate

# Measurements, and what they give.
GRADIENTS = "replica_gradients"
ALL_REDUCE = "all_reduce"
GRADIENTS_SECONDS = "gradients_seconds"  # of all replicas at the same time
ALL_REDUCE_SECONDS = "all_reduce_model_seconds"
ALL_REDUCE_BYTES = "all_reduce_model_bytes"
# Numbers as this module writes them: a result may come from anywhere.
_NUMBER = "(0|[1-9][0-9]{0,11})"
_OF_SIZE = re.compile(f"all_reduce_of_{_NUMBER}_seconds")
_OF_REPLICA = re.compile(f"replica_{_NUMBER}_alone_seconds")

# Figures.
SPEEDUP = "strong_speedup_ratio"
STRONG = "strong_efficiency_share"
WEAK = "weak_efficiency_share"
SHARE = "all_reduce_share"
_STRAGGLER = re.compile(f"replica_{_NUMBER}_over_others_ratio")


def of_size(size: int) -> str:
    """The name of the seconds of an all-reduce of so many bytes."""
    return f"all_reduce_of_{size}_seconds"


def of_replica(number: int) -> str:
    """The name of the seconds that one replica alone takes for forward and gradients."""
    return f"replica_{number}_alone_seconds"


def figures(measured: Measured) -> Mapping[str, Figures]:
    """Of every case in which devices share a step, by name."""
    shared = [record for record in measured.cases if is_measured(record) and record.case.strategy != strategies.SINGLE]
    return {record.case.name: _figures(measured, record) for record in shared}


def _figures(measured: Measured, record: CaseRecord) -> Figures:
    case = record.case
    speedup = _over_one(measured, record, case.batch_size)
    found = {SPEEDUP: speedup, STRONG: estimates.scaled(speedup, 1 / case.devices)}
    if case.devices > 1:
        found[WEAK] = _over_one(measured, record, case.batch_size // case.devices)
    found |= _of_gradients(record)
    return found | _of_all_reduce(measured, record)


def _over_one(measured: Measured, record: CaseRecord, rows: int) -> Estimate:
    """The time of a step on one device with a batch of so many rows over the case's own."""
    one = msgspec.structs.replace(record.case, strategy=strategies.SINGLE, devices=1, batch_size=rows)
    alone = measured.record(one)
    if alone is None:
        return estimates.missing(f"{one.name} was not measured")
    # Where there are more cases than processes may live at a time, two of them may have shared no rounds.
    return estimates.ratio_of(alone.processes, record.processes, measured.reference.processes)


def _of_gradients(record: CaseRecord) -> dict[str, Estimate]:
    """Forward and gradients of all replicas together; and each one's time alone over the median of the others'."""
    values = quantities(record, GRADIENTS)
    if not values:
        return {GRADIENTS_SECONDS: estimates.missing(_why_not(record, GRADIENTS))} if _has(record) else {}
    found = {GRADIENTS_SECONDS: _level(values, GRADIENTS_SECONDS)}
    replicas = sorted(
        {int(name[1]) for of_one in values.values() for key in of_one if (name := _OF_REPLICA.fullmatch(key))}
    )
    if len(replicas) > 1:
        for number in replicas:
            ratios = [of_one[of_replica(number)] / _of_others(of_one, number) for of_one in values.values()]
            found[f"replica_{number}_over_others_ratio"] = estimates.level(ratios)
    return found


def _of_others(values: Mapping[str, float], number: int) -> float:
    return median(value for name, value in values.items() if _OF_REPLICA.fullmatch(name) and name != of_replica(number))


def _has(record: CaseRecord) -> bool:
    """Whether it is measured beside steps at all: of one mode it is (docs/experiments/scaling.md)."""
    return record.case.mode == "function"


def _why_not(record: CaseRecord | None, name: str) -> str:
    """Why a measurement gave nothing."""
    reasons = [text for one in record.quantities if one.name == name for text in one.reasons.values()] if record else []
    return reasons[0] if reasons else "it could not be measured"


def _of_all_reduce(measured: Measured, record: CaseRecord) -> dict[str, Estimate]:
    """The all-reduce of the gradients beside the case's own steps; and by size where it was measured."""
    source = measured.record(first_of(record.case))
    values = quantities(source, ALL_REDUCE) if source else {}
    if not values:
        if not _has(record):
            return {}
        return dict.fromkeys((ALL_REDUCE_SECONDS, SHARE), estimates.missing(_why_not(source, ALL_REDUCE)))
    steps = {process.repetition: median(process.seconds_per_step) for process in record.processes}
    shares = [
        of_one[ALL_REDUCE_SECONDS] / steps[repetition] for repetition, of_one in values.items() if repetition in steps
    ]
    found = {ALL_REDUCE_SECONDS: _level(values, ALL_REDUCE_SECONDS)}
    if record.case.devices > 1:
        found[SHARE] = estimates.level(shares)
    if source is not record:
        return found
    count = record.case.devices
    sizes = sorted({int(name[1]) for of_one in values.values() for key in of_one if (name := _OF_SIZE.fullmatch(key))})
    for size in sizes:
        found[of_size(size)] = _level(values, of_size(size))
        algorithm = estimates.level([size / of_one[of_size(size)] for of_one in values.values()])
        found[f"algorithm_bandwidth_of_{size}_bytes_per_second"] = algorithm
        if count > 1:
            found[f"bus_bandwidth_of_{size}_bytes_per_second"] = estimates.scaled(algorithm, 2 * (count - 1) / count)
    return found


def first_of(case: Case) -> Case:
    """The case beside which communication is measured for all with as many devices of that strategy."""
    return msgspec.structs.replace(case, batch_size=first_batch(case.devices), mode="function")


def first_batch(devices: int) -> int:
    """The smallest batch of so many devices: the notebook's, or where they cannot share it evenly one on each."""
    return USUAL_BATCH_SIZE if USUAL_BATCH_SIZE % devices == 0 else devices * USUAL_BATCH_SIZE


def quantities(record: CaseRecord, name: str) -> dict[int, Mapping[str, float]]:
    """What a measurement gave, by repetition; those without a value are left out."""
    return {one.repetition: one.values for one in record.quantities if one.name == name and one.values}


def _level(values: Mapping[int, Mapping[str, float]], name: str) -> Estimate:
    return estimates.level([of_one[name] for of_one in values.values()])


def sizes_of(found: Mapping[str, Estimate]) -> list[int]:
    """The sizes of which a case has an all-reduce."""
    return sorted(int(name[1]) for key in found if (name := _OF_SIZE.fullmatch(key)))


def bandwidths(found: Mapping[str, Estimate], size: int) -> tuple[Estimate | None, Estimate | None]:
    """Algorithm and bus bandwidth, bytes/s; None for one that has no meaning."""
    names = (f"{kind}_bandwidth_of_{size}_bytes_per_second" for kind in ("algorithm", "bus"))
    algorithm, bus = (found.get(name) for name in names)
    return algorithm, bus


def over_others(found: Mapping[str, Estimate]) -> dict[int, Estimate]:
    """Each replica's time for forward and gradients alone over the median of the others', by number."""
    return {int(name[1]): ratio for key, ratio in found.items() if (name := _STRAGGLER.fullmatch(key))}
