"""Results with a known truth: simulated samples, put into documents by the suite's own code."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import msgspec
import numpy as np

from bench.experiments.base import ExperimentPlan, Measured, cases_of
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.roofline.peaks import SHARE, share_of_roofline, write
from bench.measure.entry import BASE
from bench.plan.preset import PRESETS
from bench.recording.build import Circumstances, Progress, build
from bench.results.estimates import processes_of
from bench.results.record import (
    CaseRecord,
    DeviceMemory,
    Failure,
    ProcessRecord,
    Quantities,
    RepetitionRecord,
    SampleSize,
    Training,
)
from bench.results.schema import Data, Device, Pairing, Plan, Software, Stopping
from support import patience

TIMES = {
    "eager/resident": 14e-3,
    "function/resident": 1.1e-3,
    "xla/resident": 0.8e-3,
    "eager/notebook": 15e-3,
    "function/notebook": 1.5e-3,
    "xla/notebook": 1.1e-3,
    "function/resident/control": 1.1e-3,
}


def simulate(generator, times=TIMES, repetitions=6, rounds=20, sample=0.02, process=0.005, server=0.01, drift=0.0):
    """Seconds per step, (repetitions, rounds) for each case: a server's own bias falls on each case differently."""
    common = np.cumsum(generator.normal(0, drift, (repetitions, rounds)), axis=1)
    return {
        name: seconds
        * np.exp(
            common
            + generator.normal(0, process, (repetitions, 1))
            + generator.normal(0, server, (repetitions, 1))
            + generator.normal(0, sample, (repetitions, rounds))
        )
        for name, seconds in times.items()
    }


def processes(samples, first_call=0.3, memory=500 * 2**20, gpu_memory=None):
    return tuple(
        ProcessRecord(
            repetition=i + 1,
            start_method="fork",
            ready_seconds=0.01,
            device_init_seconds=0.1,
            trace_seconds=None,
            compile_seconds=None,
            first_step_seconds=first_call * (1 + 0.01 * i),
            input_init_seconds=0.01,
            device="CPU:0",
            tf32=False,
            rounds=tuple(range(len(row))),
            warmup_rounds=3,
            steady=True,
            host_peak_rss_bytes=memory,
            device_memory=DeviceMemory(tensors_bytes=1, tensors_peak_bytes=1, nvml_used_bytes=gpu_memory)
            if gpu_memory
            else None,
            seconds_per_step=tuple(float(value) for value in row),
        )
        for i, row in enumerate(samples)
    )


def document(
    samples,
    *,
    experiment="modes",
    axes=None,
    label=None,
    cpu="EPYC",
    gpu=None,
    tensorflow="2.21.0",
    data="d" * 64,
    pairing=None,
    failed=(),
    first_call=0.3,
    memory=500 * 2**20,
    gpu_memory=None,
    final_loss=0.02,
    status="complete",
    day=1,
):
    """A result with these samples of cases of an experiment; `failed` names cases that failed."""
    known = {case.name: case for case in cases_of(EXPERIMENTS[experiment], axes)}
    records = [
        CaseRecord(
            case=known[name],
            sample_size=SampleSize(steps=10, warmup_steps=5),
            processes=processes(rows, first_call, memory, gpu_memory),
            failure=Failure(status="failed", reason="killed by SIGKILL", repetition=1, log="logs/a.log")
            if name in failed
            else None,
        )
        for name, rows in samples.items()
    ]
    count = max(len(rows) for rows in samples.values())
    repetition_records = [
        RepetitionRecord(
            repetition=number + 1,
            server_seconds=4.0,
            start_method="fork",
            unsound=None,
            cases=tuple(samples),
            order=tuple(tuple(range(len(samples))) for _ in next(iter(samples.values()))[0]),
            samples=len(next(iter(samples.values()))[0]),
            seconds=20.0,
            windows=(),
        )
        for number in range(count)
    ]
    circumstances = Circumstances(
        plan=Plan(preset="standard", only=(), seed=1, label=label),
        device=Device(
            kind="gpu" if gpu else "cpu",
            why="a test",
            requested="auto",
            name=gpu or cpu,
            gpus=(gpu,) if gpu else (),
            driver="580.1" if gpu else None,
            power_limit_watts=300.0 if gpu else None,
            environment={},
            tf32=None,
        ),
        software=Software(
            suite="0.1.0",
            python="3.11.7",
            tensorflow=tensorflow,
            keras="3.15.1",
            numpy="2.4.6",
            cuda_build=False,
            cuda=None,
            cudnn=None,
        ),
        data=Data(source="sample", sha256=data, train_images=10, test_images=10, note=None),
        machine_info={"cpu": {"brand_raw": cpu, "count": 2}, "memory_bytes": 24 * 2**30, "system": "Linux"},
        commit_info={"id": None},
        started=datetime(2026, 11, day, tzinfo=UTC),
        pairing=Pairing(id="0" * 32, side=pairing, label=label or pairing) if pairing else None,
    )
    training = Training(mode="function", steps=10, first_loss=0.2, final_loss=final_loss, folder="plots")
    plan = ExperimentPlan(
        experiment=EXPERIMENTS[experiment],
        cases=tuple(known[name] for name in samples),
        preset=PRESETS["standard"],
    )
    measured = Measured(plan, records, repetition_records, None, Stopping(reason="fixed", seconds=100.0))
    return build(circumstances, [measured], Progress(status=status, training=training))


def records(found):
    """What is known of each case of a document, as a run keeps it."""
    return [
        CaseRecord(
            case=one.extra_info.case,
            sample_size=one.extra_info.sample_size,
            processes=processes_of(one),
            quantities=one.extra_info.quantities,
        )
        for one in found.benchmarks
    ]


def with_calls(found, steps):
    """The document of one experiment in which these cases do so many steps a call, with the figures of that."""
    benchmarks = tuple(
        msgspec.structs.replace(
            one,
            extra_info=msgspec.structs.replace(
                one.extra_info,
                sample_size=msgspec.structs.replace(one.extra_info.sample_size, steps_per_call=steps.get(one.name, 1)),
            ),
        )
        for one in found.benchmarks
    )
    found = msgspec.structs.replace(found, benchmarks=benchmarks)
    return rebuilt(found, records(found))


def rebuilt(found, records):
    """The document of one experiment with the figures that are made of these records."""
    experiment = EXPERIMENTS[found.experiment.name]
    plan = ExperimentPlan(
        experiment=experiment, cases=tuple(record.case for record in records), preset=found.experiment.preset
    )
    figures = experiment.figures(Measured(plan, records, found.experiment.repetitions, None, None))
    benchmarks = tuple(
        msgspec.structs.replace(
            one,
            extra_info=msgspec.structs.replace(
                one.extra_info, quantities=record.quantities, figures=dict(figures.get(one.name, {}))
            ),
        )
        for one, record in zip(found.benchmarks, records, strict=True)
    )
    return msgspec.structs.replace(found, benchmarks=benchmarks)


def with_experiment(found, **changes):
    """The document of one experiment with changes of that experiment."""
    experiment = msgspec.structs.replace(found.experiment, **changes)
    section = msgspec.structs.replace(found.autoencoder_bench, experiments=(experiment,))
    return msgspec.structs.replace(found, autoencoder_bench=section)


def with_inputs_alone(found, rates, batches=100):
    """The document with its pipelines measured alone, at these batches per second in the repetitions from 1 on."""
    alone = tuple(
        Quantities(
            name="input_alone",
            repetition=repetition,
            values={"batches_count": batches, "elapsed_seconds": batches / rate},
        )
        for repetition, rate in enumerate(rates, 1)
    )
    benchmarks = tuple(
        msgspec.structs.replace(b, extra_info=msgspec.structs.replace(b.extra_info, quantities=alone))
        for b in found.benchmarks
    )
    return msgspec.structs.replace(found, benchmarks=benchmarks)


def with_peaks(found, limits):
    """The document with these limits of its device, by repetition, and what each case reaches of them."""
    benchmarks = tuple(
        msgspec.structs.replace(
            b,
            extra_info=msgspec.structs.replace(
                b.extra_info, figures={SHARE: share_of_roofline(processes_of(b), limits)}
            ),
        )
        for b in found.benchmarks
    )
    found = msgspec.structs.replace(found, benchmarks=benchmarks)
    return with_experiment(found, quantities=tuple(of_device(limits)))


def with_reserved(found, bytes_of_cases):
    """The document of a GPU with so many bytes reserved in its cases, 1 GB more from each process to the next."""
    benchmarks = []
    for benchmark, reserved in zip(found.benchmarks, bytes_of_cases, strict=True):
        held = [reserved + i * 10**9 for i in range(len(benchmark.extra_info.processes))]
        processes = tuple(
            msgspec.structs.replace(
                process,
                model_bytes=2_618_320,
                data_bytes=200_704,
                device_memory=DeviceMemory(
                    tensors_bytes=4 * 10**6,
                    tensors_peak_bytes=6 * 10**6,
                    total_bytes=80 * 10**9,
                    nvml_used_bytes=of_process + 400 * 10**6,
                    context_bytes=400 * 10**6,
                    reserved_bytes=of_process,
                ),
            )
            for process, of_process in zip(benchmark.extra_info.processes, held, strict=True)
        )
        info = msgspec.structs.replace(benchmark.extra_info, processes=processes)
        benchmarks.append(msgspec.structs.replace(benchmark, extra_info=info))
    return msgspec.structs.replace(found, benchmarks=tuple(benchmarks))


def of_device(limits):
    """Peaks by repetition, as a result holds them."""
    for repetition, one in limits.items():
        values = {name: value for name, value in write(one).items() if not isinstance(value, str)}
        yield Quantities(name="peaks", repetition=repetition, values=values)


def together(*found):
    """One result with the experiments of several."""
    section = found[0].autoencoder_bench
    section = msgspec.structs.replace(section, experiments=tuple(one.experiment for one in found))
    benchmarks = tuple(benchmark for one in found for benchmark in one.benchmarks)
    return msgspec.structs.replace(found[0], benchmarks=benchmarks, autoencoder_bench=section)


def pair(base_samples, new_samples, **changes):
    """The two documents of a side-by-side run; the A/A control belongs to the base."""
    new_samples = {name: rows for name, rows in new_samples.items() if not name.endswith("/control")}
    return document(base_samples, pairing=BASE, **changes), document(new_samples, pairing="new", **changes)


def foreign(folder, body):
    """A result of pytest-benchmark itself, of summing so many numbers."""
    folder.mkdir()
    (folder / "test_it.py").write_text(f"def test_sum(benchmark):\n    benchmark(sum, range({body}))\n")
    options = ["-q", "-p", "no:cacheprovider", "--benchmark-json=out.json"]
    command = [sys.executable, "-m", "pytest", *options, "test_it.py"]
    # A pytest that is no part of this one, which may be one of several.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    subprocess.run(command, capture_output=True, cwd=folder, timeout=patience.limit(120), check=True, env=alone)
    return folder / "out.json"
