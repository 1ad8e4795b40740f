"""What a result says of the roofline: how far each variant gets, what its step is bound by, an eager step in parts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from bench.experiments import leading
from bench.experiments.base import Exhibit, Section
from bench.experiments.roofline import peaks
from bench.experiments.roofline.over_repetitions import Figures, figures
from bench.experiments.roofline.step_cost import FLOPS
from bench.output import cells
from bench.output.figures import digits, percent, spread, with_interval
from bench.output.grid import Grid
from bench.results import claims, estimates
from bench.results.claims import Answer
from bench.results.estimates import Processes
from bench.results.schema import Benchmark, Document, Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CAPTION = (
    "time: of a step over that of {reference}, paired. of roofline: the least time that a step can take here over the "
    "case's own. largest part of its time: arithmetic, memory, or other, which neither explains."
)
_TRANSFERS_CAPTION = (
    "median over the repetitions, with the lowest and the highest. pinned, pageable: by CUDA's driver alone; numpy: by "
    "TensorFlow, from an array to a tensor and back, with a number read back of what went to the device."
)
NOTEBOOK_UPDATES = 5_001
_KERAS = "keras-fit"
_HALF = 0.5
# For the notebook's training, the first of these that was measured.
_FAST_WAYS = ("xla-loop-fused", "xla-loop", "xla", "function")


def transfers(document: Document) -> Grid:
    """What copies to the device and back cost, kind by kind."""
    seconds: dict[tuple[str, str, int], list[float]] = {}
    for device in peaks.read(document.experiment.quantities).values():
        for one in (*device.transfers, *(device.driver.transfers if device.driver else ())):
            seconds.setdefault((one.to, one.memory, one.bytes), []).append(one.seconds)
    rows = tuple(
        (f"to the {to}", memory, f"{size:,}", _middle(of_kind, _micro), _middle([size / one for one in of_kind], _giga))
        for (to, memory, size), of_kind in seconds.items()
    )
    headings = ("copy", "memory", "bytes", "time [µs]", "GB/s")
    return Grid(title="Copies to the device and back", headings=headings, rows=rows, caption=_TRANSFERS_CAPTION)


def table(document: Document) -> Grid:
    """A row for each case."""
    found, caption = figures(document), _CAPTION.format(reference=document.experiment.reference)
    headings = ("steps/s", "time [95% CI]", "of roofline [95% CI]", "largest part")
    return cells.of_cases(document, headings, lambda benchmark: _row(benchmark, found), caption)


def _row(benchmark: Benchmark, found: Figures | None) -> list[str]:
    info = benchmark.extra_info
    share = info.figures.get(peaks.SHARE)
    return [
        cells.rate(benchmark),
        cells.ratio(info.ratio_to_reference),
        "-" if share is None or share.value is None else percent(share),
        "-" if found is None else largest_part(benchmark, found),
    ]


def largest_part(benchmark: Benchmark, found: Figures) -> str:
    """The largest part of a case's step: arithmetic, memory, or other, which is what neither of them explains.

    Arithmetic and memory may go on at the same time or one after the other, so one of them is surely the largest where
    it is more than half of the step; and what is left is where it is more than either even if they do not overlap.
    """
    seconds = {r.repetition: median(r.seconds_per_step) for r in estimates.processes_of(benchmark)}
    repetitions = [repetition for repetition in seconds if repetition in found.arithmetic]
    if not repetitions:
        return "-"

    def share(of: Callable[[float, float], float]) -> Estimate:
        return estimates.level([of(found.arithmetic[c], found.memory[c]) / seconds[c] for c in repetitions])

    if claims.above(share(lambda arithmetic, memory: arithmetic), _HALF) is Answer.YES:
        return "arithmetic"
    if claims.above(share(lambda arithmetic, memory: memory), _HALF) is Answer.YES:
        return "memory"
    both_and_the_larger = share(lambda arithmetic, memory: arithmetic + memory + max(arithmetic, memory))
    return "other" if claims.above(both_and_the_larger, 1.0) is Answer.NO else "inconclusive"


def findings(document: Document) -> list[str]:
    """How far the fastest way gets, what the notebook's training costs, and where an eager step's time goes."""
    cases = {
        benchmark.name: benchmark
        for benchmark in document.benchmarks
        if benchmark.extra_info.steps_per_second.value and not benchmark.extra_info.case.control
    }
    found = figures(document)
    processes = {name: estimates.processes_of(benchmark) for name, benchmark in cases.items()}
    return [
        *([_limit(found)] if found else []),
        *_leaders(document.experiment.reference, processes, cases),
        *([text] if (text := _training(processes)) else []),
        *([_eager(found), _around(found)] if found else []),
    ]


def _limit(found: Figures) -> str:
    arithmetic, memory = (
        with_interval(estimates.level(list(seconds.values())), _milliseconds)
        for seconds in (found.arithmetic, found.memory)
    )
    own = [FLOPS / seconds for seconds in found.arithmetic.values()]
    return (
        f"Roofline: {with_interval(found.fewest, _milliseconds)} ms/step. Arithmetic {arithmetic} ms "
        f"({_middle(own, _giga)} GFLOP/s at the model's own sizes, {_middle(found.large_flops, _giga)} at large ones), "
        f"memory {memory} ms."
    )


def _leaders(reference: str, processes: Mapping[str, Processes], cases: Mapping[str, Benchmark]) -> Iterator[str]:
    """The fastest of all, and of Keras' own; nothing without the reference, which all of them took turns with."""
    if reference not in processes:
        return
    of_keras = {name: of_case for name, of_case in processes.items() if name.startswith(_KERAS)}
    for what, some in (("Fastest", processes), ("Fastest of Keras' fit", of_keras)):
        if fastest := claims.leaders(some, processes[reference]):
            yield leading.fastest(what, fastest, lambda name: _with_rate(cases[name]))


def _with_rate(benchmark: Benchmark) -> str:
    share = benchmark.extra_info.figures.get(peaks.SHARE)
    reached = "" if share is None or share.value is None else f", {percent(share)} of the roofline"
    return f"{leading.with_rate(benchmark)}{reached}"


def _training(processes: Mapping[str, Processes]) -> str | None:
    """The notebook's training as it is, and by a way that was named before anything was measured.

    The interval of whichever seems fastest would be too narrow, since it was chosen for being low.
    """
    way = next((name for name in _FAST_WAYS if name in processes), None)
    if "eager" not in processes or way is None:
        return None
    eager, fast = (
        with_interval(estimates.seconds_per_step(processes[name]), lambda value: f"{NOTEBOOK_UPDATES * value:#.3g}")
        for name in ("eager", way)
    )
    return (
        f"At these speeds the notebook's {NOTEBOOK_UPDATES:,} updates take {eager} s in eager mode without an input "
        f"pipeline, and {fast} s with {way}, start-up and first calls excluded."
    )


def _eager(found: Figures) -> str:
    shares = {name: percent(share) for name, share in found.eager_shares.items()}
    return (
        f"Of an eager step's {with_interval(found.eager_step, lambda value: f'{1e3 * value:.1f}')} ms the optimizer "
        f"takes {shares['optimizer']}, gradients {shares['gradients']}, and forward {shares['forward']} (ablation "
        "estimate)."
    )


def _around(found: Figures) -> str:
    costs = [f"{what} {_middle(seconds, _micro)}" for what, seconds in found.launches.items()]
    return f"Overheads beside arithmetic, in µs: {', '.join(costs)}."


def _middle(values: Sequence[float], form: Callable[[float], str]) -> str:
    """The median, with the lowest and the highest repetition."""
    return f"{form(median(values))} ({spread(min(values), max(values), form)})"


def _giga(value: float) -> str:
    return digits(value / 1e9)


def _micro(seconds: float) -> str:
    return digits(1e6 * seconds)


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.2f}"


def _ratio(value: float) -> str:
    return f"{value:.2f}x"


def _whole_table(document: Document) -> Grid:
    """A row for each case, of a document of one experiment; the summary's table, its rates with their ranges."""
    grid = table(document)
    rows = tuple(
        (row[0], cells.rate_with_range(benchmark), *row[2:])
        for row, benchmark in zip(grid.rows, cells.without_control(document), strict=True)
    )
    return Grid("Variants of the same optimisation", grid.headings, rows, grid.caption)


def _parts(document: Document) -> Grid:
    """What bounds a step on this device, and an eager step in parts."""
    found = list(peaks.read(document.experiment.quantities).values())
    parts = [one.eager_parts for one in found]
    rows = {
        "arithmetic of a step": [peaks.arithmetic_seconds(one) for one in found],
        "memory of a step": [peaks.memory_seconds(one) for one in found],
        "eager step: forward": [part.forward_seconds for part in parts],
        "eager step: gradients": [part.with_gradients_seconds - part.forward_seconds for part in parts],
        "eager step: optimizer": [part.step_seconds - part.with_gradients_seconds for part in parts],
    }
    return Grid(
        title="Roofline, and an eager step in parts",
        headings=("part", "milliseconds"),
        rows=tuple(
            (name, cells.with_range(some, lambda value: f"{1e3 * value:.3f}")) for name, some in rows.items() if some
        ),
        caption="the roofline is the larger of arithmetic and memory.",
    )


def _draw(document: Document) -> "Figure | None":
    from bench.experiments.roofline import plot

    return plot.draw(document)


EXHIBIT = Exhibit(
    findings=findings,
    table=table,
    section=Section(
        title="Roofline",
        caption="Steps per second of every variant, and the roofline.",
        draw=_draw,
        grids=(_whole_table, _parts, transfers),
    ),
)
