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

from bench.experiments.base import Figures, Measured, is_measured
from bench.plan import memory_policy
from bench.plan.case import Case, values_of
from bench.plan.workload import WORKLOAD
from bench.recording import fingerprint
from bench.results import aa_check, estimates, warning
from bench.results.record import CaseRecord, Fact, ProcessInfo, Training
from bench.results.schema import (
    SCHEMA_VERSION,
    Benchmark,
    CaseStatus,
    Control,
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
    Workload,
)

CONTROL_CONFIDENCE = 0.99


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
            workload=Workload(sha256=WORKLOAD.sha256, parameters=dict(WORKLOAD.parameters)),
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
    figures = measured.plan.experiment.figures(measured)
    return [
        _benchmark(record, measured, figures.get(record.case.name, {}), on_gpu)
        for record in measured.cases
        if is_measured(record)
    ]


def _experiment(measured: Measured) -> ExperimentRecord:
    plan = measured.plan
    return ExperimentRecord(
        name=plan.name,
        preset=plan.preset,
        reference=plan.reference.name,
        interleaved=plan.interleaved,
        repetitions=tuple(measured.repetitions),
        cases=tuple(_status(case) for case in measured.cases),
        stopping=measured.stopping,
        control=_control(measured),
        quantities=tuple(measured.quantities),
    )


def _warnings(
    measured: Measured, benchmarks: Sequence[Benchmark], experiment: ExperimentRecord, paired: bool
) -> list[warning.RunWarning]:
    plan = measured.plan
    ratios = {
        benchmark.name: math.log(ratio.high / ratio.value)
        # Side by side, other ratios are what it is about; and some experiments are not about ratios.
        for benchmark in (() if paired or not plan.experiment.of_speed else benchmarks)
        if (ratio := benchmark.extra_info.ratio_to_reference).value and ratio.high
        if not benchmark.extra_info.case.control
    }
    wide = [name for name, reach in ratios.items() if reach > plan.preset.target_half_width]
    found = (
        *aa_check.warnings(aa_check.of(experiment)),
        *warning.of_sides(measured.sides),
        *warning.of_repetitions(measured.repetitions, plan.interleaved, plan.experiment.alone),
        *warning.of_cases(measured.cases, measured.repetitions, plan.interleaved),
        *warning.of_widths(wide, len(ratios), plan.preset.target_half_width),
    )
    return [
        msgspec.structs.replace(each, experiment=plan.name, advice=warning.advise(each.code, plan.preset.name))
        for each in found
    ]


def _status(record: CaseRecord) -> CaseStatus:
    if record.failure is not None:
        return CaseStatus(name=record.case.name, status=record.failure.status, failure=record.failure)
    if record.skipped is not None:
        return CaseStatus(name=record.case.name, status="skipped", failure=None, skipped=record.skipped)
    return CaseStatus(name=record.case.name, status="measured" if is_measured(record) else "unfinished", failure=None)


def _benchmark(record: CaseRecord, measured: Measured, figures: Figures, on_gpu: bool) -> Benchmark:
    assert record.sample_size is not None  # is_measured
    case = record.case
    samples = itertools.chain.from_iterable(process.seconds_per_step for process in record.processes)
    return Benchmark(
        group=case.experiment,
        name=case.name,
        fullname=case.full_name,
        params=values_of(case) | _no_policy(case, on_gpu) | {"control": case.control},
        param=case.name,
        extra_info=ExtraInfo(
            case=case,
            sample_size=record.sample_size,
            processes=tuple(
                msgspec.convert(process, ProcessInfo, from_attributes=True) for process in record.processes
            ),
            steps_per_second=estimates.steps_per_second(record.processes),
            ratio_to_reference=_ratio_to(measured.reference, record),
            speedup_over_eager=_speedup_over_eager(record, measured),
            same_model=record.same_model,
            same_model_reason=record.same_model_reason,
            latency=record.latency,
            latency_reason=record.latency_reason,
            profile=record.profile,
            profile_of_graphs=record.profile_of_graphs,
            sustained=record.sustained,
            quantities=record.quantities,
            figures=dict(figures),
        ),
        options={},
        stats=_stats(tuple(samples), record.sample_size.steps),
    )


def _no_policy(case: Case, on_gpu: bool) -> dict[str, None]:
    """Without a GPU there is no memory policy, and the parameter of that name is null."""
    return {} if on_gpu or case.memory == memory_policy.HOST else {"memory": None}


def _stats(samples: tuple[float, ...], iterations: int) -> Stats:
    """pytest-benchmark's own statistics of the samples, so that its fields mean what they mean there."""
    computed = PytestBenchmarkStats()
    for sample in samples:
        computed.update(sample)
    return msgspec.convert({**computed.as_dict(), "data": samples, "iterations": iterations}, Stats)


def _ratio_to(reference: CaseRecord, record: CaseRecord) -> Estimate:
    if record is reference:
        return estimates.missing(estimates.ITSELF.format("the reference"))
    if not is_measured(reference):
        return estimates.missing(f"{reference.case.name} was not measured")
    return estimates.paired_ratio(record.processes, reference.processes)


def _speedup_over_eager(record: CaseRecord, measured: Measured) -> Estimate:
    """Eager's time over this case's, with the same pipeline, paired within rounds."""
    case = record.case
    if case.mode == "eager":
        return estimates.missing(estimates.ITSELF.format("eager"))
    other = msgspec.structs.replace(case, mode="eager", control=False)
    eager = measured.record(other)
    if eager is None:
        return estimates.missing(f"{other.name} was not measured")
    return estimates.paired_ratio(eager.processes, record.processes)


def _control(measured: Measured) -> Control:
    control = next((record for record in measured.cases if record.case.control and is_measured(record)), None)
    original = control and measured.record(msgspec.structs.replace(control.case, control=False))
    if control is None or original is None:
        return Control(ratio=estimates.missing("the reference or its A/A control was not measured"), unstable=None)
    ratio = estimates.paired_ratio(control.processes, original.processes, CONTROL_CONFIDENCE)
    unstable = None if ratio.low is None or ratio.high is None else not ratio.low <= 1 <= ratio.high
    return Control(ratio=ratio, unstable=unstable)
