"""What is derived: steps/s over those of float32 with the same batch, and the loss after a training over float32's.

A training is of `TRAINED_STEPS` steps of `TRAINED_BATCH` rows. Its loss is the mean of its last `LAST_STEPS` steps. In
every precision it starts from the same weights and takes the same batches, seed by seed, so losses are compared in
pairs: the mean of their log ratios, with Student's t over the seeds.
"""

import math
import re
from collections.abc import Mapping

import msgspec

from bench.experiments.base import Figures, Measured, is_measured
from bench.plan import precisions
from bench.plan.case import USUAL_BATCH_SIZE
from bench.results import estimates
from bench.results.record import CaseRecord
from bench.results.schema import Estimate
from bench.stats import inference

# The measurement, and what it gives.
LOSSES = "losses_by_seed"
SEEDS = 3  # in a repetition; no other repetition has the same
ENOUGH_SECONDS = 40.0  # of trainings, after which no further one begins: a request has two minutes
TRAINED_BATCH = USUAL_BATCH_SIZE
TRAINED_STEPS = 1_000
LAST_STEPS = 50
_OF_SEED = re.compile("seed_(0|[1-9][0-9]{0,11})_loss")

# Figures.
SPEED = "speed_over_float32_ratio"
LOSS = "loss_over_float32_ratio"
TRAINED = "trained_loss"


def of_seed(seed: int) -> str:
    """The name of the loss of the training from this seed."""
    return f"seed_{seed}_loss"


def figures(measured: Measured) -> Mapping[str, Figures]:
    """Of every case but the A/A control, by name."""
    records = [record for record in measured.cases if is_measured(record) and not record.case.control]
    return {record.case.name: _figures(measured, record) for record in records}


def _figures(measured: Measured, record: CaseRecord) -> Figures:
    case = record.case
    is_trained, is_reference = case.batch_size == TRAINED_BATCH, case.precision == precisions.FLOAT32
    found = {TRAINED: _level(record)} if is_trained else {}
    if is_reference:
        return found
    other = msgspec.structs.replace(case, precision=precisions.FLOAT32)
    float32 = measured.record(other)
    if float32 is None:
        missing = estimates.missing(f"{other.name} was not measured")
        return found | {SPEED: missing} | ({LOSS: missing} if is_trained else {})
    # Where there are more cases than processes may live at a time, two of them may have shared no rounds.
    found[SPEED] = estimates.ratio_of(float32.processes, record.processes, measured.reference.processes)
    if is_trained:
        found[LOSS] = _over(record, float32)
    return found


def _level(record: CaseRecord) -> Estimate:
    why = _why_untrained(record)
    return estimates.missing(why) if why else estimates.level(list(losses(record).values()))


def losses(record: CaseRecord) -> dict[int, float]:
    """The losses after training, by seed."""
    values = [item for one in record.quantities if one.name == LOSSES for item in one.values.items()]
    return {int(name[1]): loss for key, loss in values if (name := _OF_SEED.fullmatch(key))}


def _over(record: CaseRecord, float32: CaseRecord) -> Estimate:
    """Its losses over those of float32, with the interval over the seeds that both have."""
    for one in (record, float32):
        if why := _why_untrained(one):
            return estimates.missing(why)
    own, others = losses(record), losses(float32)
    logs = [math.log(own[seed] / others[seed]) for seed in own if seed in others]
    return estimates.ratio(inference.mean(logs)) if logs else estimates.missing("no common seeds")


def _why_untrained(record: CaseRecord) -> str | None:
    """Why there is no loss: one training that fails takes all, since those that go well are the lucky ones."""
    reasons = [text for one in record.quantities if one.name == LOSSES for text in one.reasons.values()]
    if reasons:
        return f"{record.case.name}: {reasons[0]}"
    return None if losses(record) else f"{record.case.name} could not be trained"
