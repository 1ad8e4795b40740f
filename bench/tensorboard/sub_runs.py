"""What TensorBoard shows of a run: a sub-run for each case, with its curves, its plot and its hyperparameters."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median

from bench.plan.case import DESCRIPTIONS, Case, values_of
from bench.results.estimates import first_call_seconds
from bench.results.record import CaseRecord
from bench.results.schema import Benchmark, Document
from bench.tensorboard.events import EventFile, Value

PARAMETERS = {
    "experiment": "the question that the case belongs to",
    **DESCRIPTIONS,
    "role": "a case, or the A/A control, which is the reference measured once more",
}
METRICS = {
    "steps_per_second": "throughput, median of the repetitions",
    "first_call_seconds": "tracing, compiling and the first step, median of the processes",
    "peak_memory_bytes": "in use by tensors on the GPU at most, or without one the most the process ever had resident",
    "final_loss": "after the steps of the check that it is still the same model",
}
_TRAINING = "training"
_PLOTS = {
    "originals": "Test images.",
    "encodings": "The 64 numbers that each becomes.",
    "reconstructions": "What the decoder makes of those.",
}
MOST_IMAGE_BYTES = 2_000_000


def name_of(case: Case) -> str:
    """The sub-run's folder in the logdir, which is also that of its profile."""
    return case.file_name


def write(document: Document, records: Iterable[CaseRecord], losses: Sequence[float], run_folder: Path) -> None:
    """Fill the run's logdir; `losses` are those of the training run, which has a sub-run of its own."""
    seconds = datetime.fromisoformat(document.datetime).timestamp()
    logdir = run_folder / "tensorboard"
    by_case = {record.case: record for record in records}
    with EventFile(logdir, seconds) as events:
        events.hparams_config(parameters_of(document), METRICS)
    for benchmark in document.benchmarks:
        case = benchmark.extra_info.case
        with EventFile(logdir / name_of(case), seconds) as events:
            _write_case(benchmark, _parameters(benchmark, parameters_of(document)), by_case[case], run_folder, events)
    if losses:
        with EventFile(logdir / _TRAINING, seconds) as events:
            for step, loss in enumerate(losses):
                events.scalar("loss", loss, step)
            for name, description in _PLOTS.items():
                _write_image(f"training/{name}", run_folder / f"plots/{name}.png", len(losses), description, events)


def _write_case(
    benchmark: Benchmark, parameters: Mapping[str, Value], record: CaseRecord, run_folder: Path, events: EventFile
) -> None:
    events.hparams(name_of(record.case), parameters)
    for name, value in metrics(benchmark).items():
        events.scalar(name, value, 0)
    # Loops report the mean of the steps in a call, so a loss may stand for several.
    steps = record.same_model[-1].steps // len(record.losses) if record.losses else 1
    for i, loss in enumerate(record.losses):
        if loss is not None:
            events.scalar("loss", loss, i * steps)
    for i, sample in enumerate(benchmark.stats.data):
        events.scalar("seconds_per_step", sample, i)
    if record.plot:
        description = (
            "Test images, and below them what the weights make of them after all samples of the first repetition."
        )
        _write_image("reconstructions", run_folder / record.plot, 0, description, events)


def _write_image(tag: str, path: Path, step: int, description: str, events: EventFile) -> None:
    if path.is_file() and path.stat().st_size <= MOST_IMAGE_BYTES:
        events.image(tag, path.read_bytes(), step, description)


def parameters_of(document: Document) -> Mapping[str, str]:
    """What tells the cases of a run apart, described: the axes that they are named by, and more where it differs.

    TensorBoard shows the first five by their names, so that what all have in common would hide what they differ in.
    """
    cases = [benchmark.extra_info.case for benchmark in document.benchmarks]
    names = {"role", *(axis for case in cases for axis in case.axes)}
    if len({case.experiment for case in cases}) > 1:
        names.add("experiment")
    return {name: text for name, text in PARAMETERS.items() if name in names}


def _parameters(benchmark: Benchmark, names: Collection[str]) -> Mapping[str, Value]:
    case = benchmark.extra_info.case
    known: Mapping[str, Value] = {
        "experiment": case.experiment,
        **{axis: "none" if value is None else value for axis, value in _axes_of(benchmark).items()},
        "role": "A/A control" if case.control else "case",
    }
    return {name: value for name, value in known.items() if name in names}


def _axes_of(benchmark: Benchmark) -> Mapping[str, Value | None]:
    """What the case is on every axis; None where that means nothing, as a memory policy on a CPU."""
    params = benchmark.params or {}
    return {axis: params.get(axis, value) for axis, value in values_of(benchmark.extra_info.case).items()}


def metrics(benchmark: Benchmark) -> dict[str, float]:
    """What a case is judged by, as far as it is known."""
    info = benchmark.extra_info
    on_gpu = [r.device_memory.tensors_peak_bytes for r in info.processes if r.device_memory]
    peaks = [peak for peak in on_gpu or [r.host_peak_rss_bytes for r in info.processes] if peak is not None]
    found = {
        "steps_per_second": info.steps_per_second.value,
        "first_call_seconds": median(first_call_seconds(process) for process in info.processes),
        "peak_memory_bytes": float(median(peaks)) if peaks else None,
        "final_loss": info.same_model[-1].last_loss if info.same_model else None,
    }
    return {name: value for name, value in found.items() if value is not None}
