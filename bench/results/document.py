"""Build a result file's document from what was measured so far."""

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec
import pytest_benchmark
from pytest_benchmark.stats import Stats as PytestBenchmarkStats

from autoencoder.config import Config
from bench.cases import Case
from bench.results import estimates
from bench.results.record import CaseRecord, CohortRecord, ReplicateInfo, Training
from bench.results.schema import (
    SCHEMA_VERSION,
    Benchmark,
    CaseStatus,
    Data,
    Device,
    Document,
    Estimate,
    ExtraInfo,
    Plan,
    Section,
    Software,
    Stats,
    Status,
    Twin,
    Workload,
)

# Raised whenever a step comes to mean something else, so that old and new results are not compared.
WORKLOAD_VERSION = 1

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


def build(
    circumstances: Circumstances,
    cases: Sequence[CaseRecord],
    cohorts: Sequence[CohortRecord],
    training: Training | str | None,
    status: Status,
    reason: str | None = None,
) -> Document:
    """The document of a run; cases without samples, or with a failure, stand only in our section.

    `training` is the training run, the reason why it failed, or None before it.
    """
    return Document(
        machine_info=circumstances.machine_info,
        commit_info=circumstances.commit_info,
        benchmarks=tuple(
            _benchmark(case, cases, circumstances.device.kind == "gpu") for case in cases if _is_measured(case)
        ),
        autoencoder_bench=Section(
            schema_version=SCHEMA_VERSION,
            status=status,
            status_reason=reason,
            plan=circumstances.plan,
            device=circumstances.device,
            software=circumstances.software,
            data=circumstances.data,
            workload=workload(),
            cohorts=tuple(cohorts),
            cases=tuple(_status(case) for case in cases),
            twin=_twin(cases),
            training=training if isinstance(training, Training) else None,
            training_reason=training if isinstance(training, str) else None,
        ),
        datetime=circumstances.started.isoformat(),
        version=pytest_benchmark.__version__,
    )


def workload() -> Workload:
    """The notebook's parameters and the version of what a step does with them, and their hash."""
    parameters = {"version": WORKLOAD_VERSION, **asdict(Config())}
    text = json.dumps(parameters, sort_keys=True)
    return Workload(sha256=hashlib.sha256(text.encode()).hexdigest(), parameters=parameters)


def _is_measured(record: CaseRecord) -> bool:
    return record.failure is None and bool(record.replicates) and record.block is not None


def _status(record: CaseRecord) -> CaseStatus:
    if record.failure is not None:
        return CaseStatus(name=record.case.name, status=record.failure.status, failure=record.failure)
    return CaseStatus(name=record.case.name, status="measured" if _is_measured(record) else "unfinished", failure=None)


def _benchmark(record: CaseRecord, cases: Sequence[CaseRecord], on_gpu: bool) -> Benchmark:
    assert record.block is not None  # _is_measured
    case = record.case
    samples = itertools.chain.from_iterable(replicate.seconds_per_step for replicate in record.replicates)
    return Benchmark(
        group=case.experiment,
        name=case.name,
        fullname=f"{case.experiment}/{case.name}",
        params={
            "mode": case.mode,
            "pipeline": case.pipeline,
            "batch_size": case.batch_size,
            "memory": case.memory if on_gpu else None,
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
            speedup_over_eager=_speedup_over_eager(record, cases),
            same_model=record.same_model,
            same_model_reason=record.same_model_reason,
            latency=record.latency,
            latency_reason=record.latency_reason,
            profile=record.profile,
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


def _speedup_over_eager(record: CaseRecord, cases: Sequence[CaseRecord]) -> Estimate:
    """Eager's time over this case's, with the same pipeline, paired within rounds."""
    case = record.case
    if case.mode == "eager":
        return estimates.missing("this is eager")
    eager = _find(cases, msgspec.structs.replace(case, mode="eager", twin=False))
    if eager is None or not _is_measured(eager):
        return estimates.missing(f"eager/{case.pipeline} was not measured")
    return estimates.paired_ratio(eager.replicates, record.replicates)


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
