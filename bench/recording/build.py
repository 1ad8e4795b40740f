"""Build a result file's document from what was measured so far."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import pytest_benchmark
from pytest_benchmark.stats import Stats as PytestBenchmarkStats

from bench.experiments.roofline import limits
from bench.plan import memory_policy, workload
from bench.plan.case import Case
from bench.plan.preset import Preset
from bench.recording import fingerprint
from bench.results import aa_check, estimates, warning
from bench.results.record import CaseRecord, CohortRecord, Fact, Limits, ReplicateInfo, SameModel, Training
from bench.results.schema import (
    SCHEMA_VERSION,
    Benchmark,
    CaseStatus,
    Data,
    Device,
    Document,
    Estimate,
    ExperimentRecord,
    ExtraInfo,
    Pairing,
    Plan,
    Section,
    Software,
    Stats,
    Status,
    Stopping,
    Twin,
    Workload,
)

TWIN_CONFIDENCE = 0.99


@dataclass(frozen=True)
class Circumstances:
    """What is known of a run beside its measurements."""

    plan: Plan
    device: Device
    software: Software
    data: Data
    machine_info: dict[str, Any]
    commit_info: dict[str, Any]
    started: datetime
    pairing: Pairing | None = None
    facts: Mapping[str, Mapping[str, Fact]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExperimentPlan:
    """How an experiment is measured; `reference` is the name of the case that ratios are taken to."""

    name: str
    preset: Preset
    reference: str
    interleaved: bool


@dataclass(frozen=True)
class Measured:
    """What one experiment has measured so far."""

    plan: ExperimentPlan
    cases: Sequence[CaseRecord]
    cohorts: Sequence[CohortRecord]
    sides: SameModel | None
    stopping: Stopping | None
    limits: Sequence[Limits] = ()


@dataclass(frozen=True)
class Progress:
    """How far the run is. `training` is the training run, the reason why it failed, or None before it."""

    status: Status
    reason: str | None = None  # why it failed
    training: Training | str | None = None
    time_spent: Mapping[str, float] = field(default_factory=dict)


def build(circumstances: Circumstances, measured: Sequence[Measured], progress: Progress) -> Document:
    """The document of a run; cases without samples, or with a failure, stand only in our section."""
    device = circumstances.device
    benchmarks = [_benchmarks(of_one, device.kind == "gpu") for of_one in measured]
    experiments = tuple(_experiment(of_one) for of_one in measured)
    sha256, parameters = workload.describe()
    paired = circumstances.pairing is not None
    return Document(
        machine_info=circumstances.machine_info,
        commit_info=circumstances.commit_info,
        benchmarks=tuple(itertools.chain.from_iterable(benchmarks)),
        autoencoder_bench=Section(
            schema_version=SCHEMA_VERSION,
            status=progress.status,
            status_reason=progress.reason,
            plan=circumstances.plan,
            device=device,
            software=circumstances.software,
            fingerprint=fingerprint.take(
                circumstances.machine_info, device, circumstances.software, circumstances.facts
            ),
            data=circumstances.data,
            workload=Workload(sha256=sha256, parameters=parameters),
            pairing=circumstances.pairing,
            experiments=experiments,
            warnings=tuple(
                found
                for of_one, record, some in zip(measured, experiments, benchmarks, strict=True)
                for found in _warnings(of_one, some, record, paired)
            ),
            training=progress.training if isinstance(progress.training, Training) else None,
            training_reason=progress.training if isinstance(progress.training, str) else None,
            time_spent=dict(progress.time_spent),
            facts={group: dict(facts) for group, facts in circumstances.facts.items()},
        ),
        datetime=circumstances.started.isoformat(),
        version=pytest_benchmark.__version__,
    )


def _benchmarks(measured: Measured, on_gpu: bool) -> list[Benchmark]:
    cases = measured.cases
    reference = next(record for record in cases if record.case.name == measured.plan.reference)
    found = [_benchmark(case, cases, reference, on_gpu) for case in cases if _is_measured(case)]
    if not measured.limits:
        return found
    return [
        msgspec.structs.replace(
            benchmark, extra_info=msgspec.structs.replace(benchmark.extra_info, share_of_limit=share)
        )
        for benchmark in found
        for share in [limits.share_of_limit(estimates.replicates_of(benchmark), measured.limits)]
    ]


def _experiment(measured: Measured) -> ExperimentRecord:
    plan = measured.plan
    return ExperimentRecord(
        name=plan.name,
        preset=plan.preset,
        reference=plan.reference,
        interleaved=plan.interleaved,
        cohorts=tuple(measured.cohorts),
        cases=tuple(_status(case) for case in measured.cases),
        stopping=measured.stopping,
        twin=_twin(measured.cases),
        limits=tuple(measured.limits),
    )


def _warnings(
    measured: Measured, benchmarks: Sequence[Benchmark], experiment: ExperimentRecord, paired: bool
) -> list[warning.RunWarning]:
    plan, wide = measured.plan, []
    for benchmark in () if paired else benchmarks:  # side by side, other ratios are what it is about
        ratio = benchmark.extra_info.ratio_to_reference
        if ratio.value and ratio.high and math.log(ratio.high / ratio.value) > plan.preset.target_half_width:
            wide.append(benchmark.name)
    found = (
        *aa_check.warnings(aa_check.of(experiment)),
        *warning.of_sides(measured.sides),
        *warning.of_cohorts(measured.cohorts, plan.interleaved, plan.name),
        *warning.of_cases(measured.cases, measured.cohorts, plan.interleaved),
        *warning.of_widths(wide, plan.preset.target_half_width),
    )
    return [
        msgspec.structs.replace(each, experiment=plan.name, advice=warning.advise(each.code, plan.preset.name))
        for each in found
    ]


def _is_measured(record: CaseRecord) -> bool:
    unhindered = record.failure is None and record.skipped is None
    return unhindered and bool(record.replicates) and record.block is not None


def _status(record: CaseRecord) -> CaseStatus:
    if record.failure is not None:
        return CaseStatus(name=record.case.name, status=record.failure.status, failure=record.failure)
    if record.skipped is not None:
        return CaseStatus(name=record.case.name, status="skipped", failure=None, skipped=record.skipped)
    return CaseStatus(name=record.case.name, status="measured" if _is_measured(record) else "unfinished", failure=None)


def _benchmark(record: CaseRecord, cases: Sequence[CaseRecord], reference: CaseRecord, on_gpu: bool) -> Benchmark:
    assert record.block is not None  # _is_measured
    case = record.case
    samples = itertools.chain.from_iterable(replicate.seconds_per_step for replicate in record.replicates)
    return Benchmark(
        group=case.experiment,
        name=case.name,
        fullname=case.full_name,
        params={
            "mode": case.mode,
            "pipeline": case.pipeline,
            "batch_size": case.batch_size,
            "memory": case.memory if on_gpu or case.memory == memory_policy.HOST else None,
            "twin": case.twin,
        },
        param=case.name,
        extra_info=ExtraInfo(
            case=case,
            block=record.block,
            replicates=tuple(
                msgspec.convert(replicate, ReplicateInfo, from_attributes=True) for replicate in record.replicates
            ),
            steps_per_second=estimates.steps_per_second(record.replicates),
            ratio_to_reference=_ratio_to(reference, record),
            speedup_over_eager=_speedup_over_eager(record, cases),
            same_model=record.same_model,
            same_model_reason=record.same_model_reason,
            latency=record.latency,
            latency_reason=record.latency_reason,
            profile=record.profile,
            profile_of_graphs=record.profile_of_graphs,
            sustained=record.sustained,
            inputs_alone=record.inputs_alone,
            stall=_stall(record, cases, reference),
        ),
        options={},
        stats=_stats(tuple(samples), record.block.steps),
    )


def _stats(samples: tuple[float, ...], iterations: int) -> Stats:
    """pytest-benchmark's own statistics of the samples, so that its fields mean what they mean there."""
    computed = PytestBenchmarkStats()
    for sample in samples:
        computed.update(sample)
    return msgspec.convert({**computed.as_dict(), "data": samples, "iterations": iterations}, Stats)


def _ratio_to(reference: CaseRecord, record: CaseRecord) -> Estimate:
    if record is reference:
        return estimates.missing("this is the reference")
    if not _is_measured(reference):
        return estimates.missing(f"{reference.case.name} was not measured")
    return estimates.paired_ratio(record.replicates, reference.replicates)


def _speedup_over_eager(record: CaseRecord, cases: Sequence[CaseRecord]) -> Estimate:
    """Eager's time over this case's, with the same pipeline, paired within rounds."""
    case = record.case
    if case.mode == "eager":
        return estimates.missing("this is eager")
    eager = _find(cases, msgspec.structs.replace(case, mode="eager", twin=False))
    if eager is None or not _is_measured(eager):
        return estimates.missing(f"eager/{case.pipeline} was not measured")
    return estimates.paired_ratio(eager.replicates, record.replicates)


def _stall(record: CaseRecord, cases: Sequence[CaseRecord], reference: CaseRecord) -> Estimate | None:
    """The share of a step's time that is lost to the input, against the same mode with a resident batch."""
    case = record.case
    if case.pipeline == "resident" or case.experiment == "ceiling":
        return None
    resident = _find(cases, msgspec.structs.replace(case, pipeline="resident", twin=False))
    if resident is None or not _is_measured(resident):
        return estimates.missing(f"{case.mode}/resident was not measured")
    ratio = estimates.ratio_of(resident.replicates, record.replicates, reference.replicates)
    return estimates.share_lost(ratio)


def _twin(cases: Sequence[CaseRecord]) -> Twin:
    twin = next((record for record in cases if record.case.twin), None)
    original = twin and _find(cases, msgspec.structs.replace(twin.case, twin=False))
    if twin is None or original is None or not _is_measured(twin) or not _is_measured(original):
        return Twin(ratio=estimates.missing("the reference or its twin was not measured"), unstable=None)
    ratio = estimates.paired_ratio(twin.replicates, original.replicates, TWIN_CONFIDENCE)
    unstable = None if ratio.low is None or ratio.high is None else not ratio.low <= 1 <= ratio.high
    return Twin(ratio=ratio, unstable=unstable)


def _find(cases: Sequence[CaseRecord], case: Case) -> CaseRecord | None:
    return next((record for record in cases if record.case == case), None)
