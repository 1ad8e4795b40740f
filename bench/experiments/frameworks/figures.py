"""What is derived: speed over tf.function's, and what a call costs, from one step a call and from many.

A call of n steps takes c + n s, where c is the call's own time and s a step's; so with r, the time of a step in calls
of n over that in calls of one, c is the share (1 - r) n / (n - 1) of a call of one step.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from bench.experiments.base import Figures, Measured, is_measured
from bench.plan import frameworks
from bench.results import estimates
from bench.results.estimates import Processes
from bench.results.record import CaseRecord
from bench.results.schema import Estimate

# The same compiled step with its batch gathered on the device, once in a call and 25 times.
ONE: Mapping[str, str] = {frameworks.TENSORFLOW: "xla-loop-1-fused", frameworks.JAX: "scan-1"}
MANY: Mapping[str, str] = {frameworks.TENSORFLOW: "xla-loop-fused", frameworks.JAX: "scan-25"}

SPEED = "speed_over_reference_ratio"
CALL = "call_share"


def figures(measured: Measured) -> Mapping[str, Figures]:
    """Of every case but the A/A control, by name."""
    records = [record for record in measured.cases if is_measured(record) and not record.case.control]
    return {record.case.name: _figures(measured, record) for record in records}


def _figures(measured: Measured, record: CaseRecord) -> Figures:
    found: dict[str, Estimate] = {}
    if record.case != measured.plan.reference:
        found[SPEED] = _speed(measured, record)
    if record.case.mode == MANY.get(record.case.framework):
        found[CALL] = _call(measured, record)
    return found


def _speed(measured: Measured, record: CaseRecord) -> Estimate:
    if not is_measured(measured.reference):
        return estimates.missing(f"{measured.reference.case.name} was not measured")
    return estimates.paired_ratio(measured.reference.processes, record.processes)


def _call(measured: Measured, many: CaseRecord) -> Estimate:
    """The call's own share of a call of one step."""
    other = msgspec.structs.replace(many.case, mode=ONE[many.case.framework])
    one = measured.record(other)
    if one is None or many.sample_size is None:
        return estimates.missing(f"{other.name} was not measured")
    steps = many.sample_size.steps_per_call
    if steps < 2:
        return estimates.missing(f"{many.case.name} did one step a call")
    ratio = estimates.ratio_of(many.processes, one.processes, measured.reference.processes)
    return estimates.scaled(estimates.share_lost(ratio), steps / (steps - 1))


@dataclass(frozen=True)
class Pair:
    """The processes of a case with one step a call, and of the same with so many."""

    one: Processes
    many: Processes
    steps: int


@dataclass(frozen=True)
class Gap:
    """What one framework takes more than another for a call and for a step, in steps of the reference."""

    call: Estimate
    step: Estimate


def gap(ours: Pair, theirs: Pair, reference: Processes) -> Gap | None:
    """Of calls of one step, repetition by repetition; None where two repetitions are not common to all five."""
    parts = [_parts(pair, reference) for pair in (ours, theirs)]
    common = [repetition for repetition in parts[0] if repetition in parts[1]]
    if len(common) < 2:
        return None
    calls, steps = ([parts[0][c][i] - parts[1][c][i] for c in common] for i in (0, 1))
    return Gap(estimates.average(calls), estimates.average(steps))


def _parts(pair: Pair, reference: Processes) -> dict[int, tuple[float, float]]:
    """By repetition, a call and a step, in steps of the reference."""
    one, many = (estimates.repetition_logs(some, reference) for some in (pair.one, pair.many))
    found = {}
    for repetition in one:
        if repetition in many:
            whole, loop = math.exp(one[repetition]), math.exp(many[repetition])
            call = (whole - loop) * pair.steps / (pair.steps - 1)
            found[repetition] = (call, whole - call)
    return found
