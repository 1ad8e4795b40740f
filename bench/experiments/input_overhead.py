"""What an input pipeline costs a step: the share that is lost against the same mode with a batch that is there."""

from collections.abc import Mapping

import msgspec

from bench.experiments.base import Figures, Measured, is_measured
from bench.results import estimates
from bench.results.record import CaseRecord
from bench.results.schema import INPUT_OVERHEAD, Estimate


def figures(measured: Measured) -> Mapping[str, Figures]:
    """Of every case with an input pipeline."""
    return {
        record.case.name: {INPUT_OVERHEAD: _overhead(measured, record)}
        for record in measured.cases
        if record.case.pipeline != "resident" and is_measured(record)
    }


def _overhead(measured: Measured, record: CaseRecord) -> Estimate:
    case = record.case
    resident = measured.record(msgspec.structs.replace(case, pipeline="resident", control=False))
    if resident is None:
        return estimates.missing(f"{case.mode}/resident was not measured")
    ratio = estimates.ratio_of(resident.processes, record.processes, measured.reference.processes)
    return estimates.share_lost(ratio)
