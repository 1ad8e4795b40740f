"""What a result must be beyond its types: samples that fit their processes, numbers that can be, names that agree."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from bench.results import units
from bench.results.base import Record
from bench.results.record import Quantities
from bench.results.schema import Benchmark, Document, Estimate
from bench.results.units import LEAST_SECONDS, MOST_BYTES, MOST_SECONDS

MOST_CASES = 1_000
# Of two measurements of the same case.
MOST_RATIO = 1e12

_SECONDS = f"seconds between {LEAST_SECONDS:g} and {MOST_SECONDS:g}"


def first_problem(document: Document) -> str | None:
    """The first contradiction: its place in the document, what was expected, what was found. None if all is well."""
    return next(_problems(document), None)


def _problems(document: Document) -> Iterator[str]:
    yield from _names(document)
    for i, benchmark in enumerate(document.benchmarks):
        place = f"$.benchmarks[{i}]"
        yield from _samples(benchmark, place)
        yield from _processes(benchmark, place)
        info = benchmark.extra_info
        for name in ("steps_per_second", "ratio_to_reference", "speedup_over_eager"):
            yield from _estimate(getattr(info, name), f"{place}.extra_info.{name}")
        yield from _quantities(info.quantities, f"{place}.extra_info.quantities")
        for name, figure in info.figures.items():
            yield from _figure(name, figure, f"{place}.extra_info.figures")
        if min(info.sample_size.steps, info.sample_size.steps_per_call) < 1:
            yield f"at {place}.extra_info.sample_size: expected a step at least, found {info.sample_size}"
    section = document.autoencoder_bench
    for i, experiment in enumerate(section.experiments):
        place, looks = f"$.autoencoder_bench.experiments[{i}]", list(experiment.preset.looks)
        yield from _estimate(experiment.control.ratio, f"{place}.control.ratio", MOST_RATIO)
        if not 0 < experiment.preset.target_half_width <= 1:
            found = experiment.preset.target_half_width
            yield f"at {place}.preset.target_half_width: expected more than 0 and 1 at most, found {found}"
        yield from _quantities(experiment.quantities, f"{place}.quantities")
        if not looks or looks != sorted(set(looks)):
            yield f"at {place}.preset.looks: expected rising numbers, found {looks[:20]}"


def _names(document: Document) -> Iterator[str]:
    experiments = document.autoencoder_bench.experiments
    count = sum(len(experiment.cases) for experiment in experiments)
    if count > MOST_CASES:
        yield f"at $.autoencoder_bench.experiments: expected {MOST_CASES} cases at most, found {count}"
    for place, names in (
        ("$.autoencoder_bench.experiments", [experiment.name for experiment in experiments]),
        ("$.benchmarks", [benchmark.fullname for benchmark in document.benchmarks]),
    ):
        if duplicate := next((name for name, count in Counter(names).items() if count > 1), None):
            yield f"at {place}: expected each name once, found {duplicate[:60]!r} twice"
    states = {f"{experiment.name}/{case.name}": case.status for experiment in experiments for case in experiment.cases}
    for i, benchmark in enumerate(document.benchmarks):
        case = benchmark.extra_info.case
        for key, expected in (("name", case.name), ("fullname", case.full_name)):
            found = getattr(benchmark, key)
            if found != expected:
                yield f"at $.benchmarks[{i}].{key}: expected {expected[:60]!r}, as its axes say, found {found[:60]!r}"
        if states.get(benchmark.fullname) != "measured":
            yield (
                f"at $.autoencoder_bench.experiments: expected {benchmark.fullname[:60]!r} as measured, as in "
                "$.benchmarks"
            )


def _samples(benchmark: Benchmark, place: str) -> Iterator[str]:
    data = benchmark.stats.data
    samples = sum(len(process.rounds) for process in benchmark.extra_info.processes)
    if len(data) != samples or not data:
        yield (
            f"at {place}.stats.data: expected as many samples as the processes have rounds, {samples}, and one at "
            f"least, found {len(data)} samples"
        )
    if data and not (min(data) >= LEAST_SECONDS and max(data) <= MOST_SECONDS):
        wrong = next(i for i, sample in enumerate(data) if not LEAST_SECONDS <= sample <= MOST_SECONDS)
        yield f"at {place}.stats.data[{wrong}]: expected {_SECONDS}, found {data[wrong]}"
    if not LEAST_SECONDS <= benchmark.stats.median <= MOST_SECONDS:
        yield f"at {place}.stats.median: expected {_SECONDS}, found {benchmark.stats.median}"


def _processes(benchmark: Benchmark, place: str) -> Iterator[str]:
    processes = benchmark.extra_info.processes
    repetitions = [process.repetition for process in processes]
    if len(set(repetitions)) != len(repetitions):
        yield f"at {place}.extra_info.processes: expected one for each repetition, found two of one"
    for j, process in enumerate(processes):
        here = f"{place}.extra_info.processes[{j}]"
        if not process.rounds or len(set(process.rounds)) != len(process.rounds):
            yield f"at {here}.rounds: expected different rounds, one at least"
        parts = (process.trace_seconds, process.compile_seconds, process.first_step_seconds)
        some = [part for part in parts if part is not None]
        if min(some) < 0 or max(some) > MOST_SECONDS or process.first_step_seconds < LEAST_SECONDS:
            yield f"at {here}: expected a first call that took some time, found {parts}"
        if process.host_peak_rss_bytes is not None and not 0 < process.host_peak_rss_bytes < MOST_BYTES:
            found = process.host_peak_rss_bytes
            yield f"at {here}.host_peak_rss_bytes: expected a number of bytes or null, found {found}"
        yield from _bytes(process, here)
        if process.device_memory:
            yield from _bytes(process.device_memory, f"{here}.device_memory")
        telemetry = process.telemetry
        if telemetry and {len(telemetry.sm_hertz), len(telemetry.celsius), len(telemetry.throttle_bits)} != {
            len(process.rounds)
        }:
            yield f"at {here}.telemetry: expected as many readings as samples, {len(process.rounds)}"


def _quantities(quantities: Sequence[Quantities], place: str) -> Iterator[str]:
    known = [(one.name, one.repetition) for one in quantities]
    if len(set(known)) != len(known):
        yield f"at {place}: expected one of each name for each repetition, found two of one"
    for i, one in enumerate(quantities):
        for name, value in one.values.items():
            yield from _in_its_unit(name, [value], f"{place}[{i}].values")


def _figure(name: str, figure: Estimate, place: str) -> Iterator[str]:
    values = [value for value in (figure.low, figure.value, figure.high) if value is not None]
    yield from _in_its_unit(name, values, place)
    if values != sorted(values):
        yield f"at {place}.{name[:60]}: expected low <= value <= high, found {values}"


def _in_its_unit(name: str, values: Sequence[float], place: str) -> Iterator[str]:
    if not (ends := units.range_of(name)):
        yield f"at {place}: expected names that end in {', '.join(units.RANGES)}, found {name[:60]!r}"
    elif not all(ends[0] <= value <= ends[1] for value in values):
        yield f"at {place}.{name[:60]}: expected between {ends[0]:g} and {ends[1]:g}, found {values}"


def _bytes(record: Record, place: str) -> Iterator[str]:
    for name, value in msgspec.structs.asdict(record).items():
        if name.endswith("_bytes") and value is not None and not 0 <= value < MOST_BYTES:
            yield f"at {place}.{name}: expected a number of bytes or null, found {value}"


def _estimate(estimate: Estimate, place: str, most: float = math.inf) -> Iterator[str]:
    values = [value for value in (estimate.low, estimate.value, estimate.high) if value is not None]
    if any(not 1 / most <= value <= most for value in values if value > 0):
        yield f"at {place}: expected between {1 / most:g} and {most:g}, found {values}"
    if any(value <= 0 for value in values) or values != sorted(values):
        yield f"at {place}: expected 0 < low <= value <= high, found {values}"
