"""What a result says of scaling: what further devices bring, what keeping them in step takes, and which one lags."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.experiments.base import Exhibit, Section
from bench.experiments.scaling import figures
from bench.output import cells
from bench.output.figures import digits, multiple, percent, scaled, size, with_interval
from bench.output.grid import Grid
from bench.plan import strategies
from bench.results import claims, estimates
from bench.results.claims import Answer
from bench.results.schema import Benchmark, Document, Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Group = tuple[str, int]
"""A strategy, and how many devices."""

_CAPTION = (
    "speed-up: over one device with the same batch. weak: efficiency, the time of one device with its share of the "
    "batch over the case's own. all-reduce: of the gradients alone, over a step."
)
_WHOLE_CAPTION = (
    "speed-up: over one device with the same batch, and that for each device (efficiency). weak: efficiency, the time "
    "of a step on one device with a device's share of the batch over the case's own. all-reduce: of the gradients "
    "alone, over a step; parts of it may go on beside other work. gradients: forward and gradients of all devices at "
    "the same time, without communication."
)
_SIZES_CAPTION = (
    "an all-reduce alone of one float32 vector. Algorithm bandwidth is bytes over time, bus bandwidth that times "
    "2 (n - 1) / n for n devices, as nccl-tests define them."
)
_CPU = " A device is a core with one thread here, pinned."
_LOOPBACK = " Several processes are on one host, and speak over its loopback."
# A replica's time over that of the others: less is the usual difference between devices.
STRAGGLES = 1.05


def table(document: Document) -> Grid:
    """A row for each case."""
    caption = _CAPTION + _where(document)
    return cells.of_cases(
        document, ("steps/s", "examples/s", "speed-up [95% CI]", "weak [95% CI]", "all-reduce"), _row, caption
    )


def _row(benchmark: Benchmark) -> list[str]:
    info = benchmark.extra_info
    return [
        cells.rate(benchmark),
        _examples(benchmark),
        _cell(info.figures.get(figures.SPEEDUP), multiple),
        _share(info.figures.get(figures.WEAK)),
        _share(info.figures.get(figures.SHARE)),
    ]


def findings(document: Document) -> list[str]:
    """What more devices bring, with the same batch and with more; what communication takes; and a straggler."""
    groups = _groups(document)
    return [
        *_overheads(document, groups),
        *(text for group, cases in groups.items() for text in _of_group(document, group, cases)),
    ]


def _groups(document: Document) -> dict[Group, list[Benchmark]]:
    """The cases that are said something about, by strategy and devices, smallest batch first."""
    found: dict[Group, list[Benchmark]] = {}
    for benchmark in cells.without_control(document):
        case = benchmark.extra_info.case
        if case.strategy != strategies.SINGLE and case.mode == "function":
            found.setdefault((case.strategy, case.devices), []).append(benchmark)
    return {group: sorted(cases, key=lambda case: case.extra_info.case.batch_size) for group, cases in found.items()}


def _overheads(document: Document, groups: Mapping[Group, Sequence[Benchmark]]) -> Iterator[str]:
    """Of a single device: what tf.distribute costs where there is nothing to share."""
    parts = [
        f"{strategy} {with_interval(speedup, multiple)} at {cases[0].extra_info.case.batch_size:,} rows"
        for (strategy, count), cases in groups.items()
        if count == 1 and (speedup := _figure(cases[0], figures.SPEEDUP)).value is not None
    ]
    if parts:
        yield (
            "There is nothing to scale on one device. Steps/s under tf.distribute with one replica, over those "
            f"without it: {', '.join(parts)}."
        )


def _of_group(document: Document, group: Group, cases: Sequence[Benchmark]) -> Iterator[str]:
    strategy, count = group
    if count == 1:
        return
    name = f"{count} {'cores' if _on_cpu(document) else 'GPUs'} ({strategy})"
    strong = [(case, found) for case in cases if (found := _figure(case, figures.SPEEDUP)).value is not None]
    if strong:
        # The largest batch first: it is where devices have most to share.
        parts = [f"{_speedup(found)} at {_rows(case)}" for case, found in reversed(strong)]
        yield f"{name}: {', '.join(parts)}, of the steps/s of one with the same batch."
    weak = [(case, found) for case in cases if (found := _figure(case, figures.WEAK)).value is not None]
    if weak:
        parts = [f"{percent(found)} at {_rows(case, count)} on each" for case, found in reversed(weak)]
        yield f"{name}: weak scaling efficiency {', '.join(parts)}."
    yield from _communication(name, cases)
    yield from _straggler(name, group, cases)


def _speedup(estimate: Estimate) -> str:
    remark = {Answer.YES: "", Answer.NO: " (slower)", Answer.OPEN: " (inconclusive)"}[claims.above(estimate, 1.0)]
    return f"{with_interval(estimate, multiple)}{remark}"


def _figure(case: Benchmark, name: str) -> Estimate:
    """A figure of a case: a result may come from anywhere, and have none."""
    return case.extra_info.figures.get(name) or estimates.missing("the result does not say")


def _rows(case: Benchmark, devices: int = 1) -> str:
    return f"{case.extra_info.case.batch_size // devices:,} rows"


def _communication(name: str, cases: Sequence[Benchmark]) -> Iterator[str]:
    shares = [(case, found) for case in cases if (found := _figure(case, figures.SHARE)).value]
    if not shares:
        return
    alone = _figure(shares[0][0], figures.ALL_REDUCE_SECONDS)
    ends = [shares[0], shares[-1]] if len(shares) > 1 else shares
    parts = [f"{percent(found)} of a step at {_rows(case)}" for case, found in ends]
    yield f"{name}: the all-reduce of the gradients alone takes {_milliseconds(alone)} ms, {' and '.join(parts)}."


def _straggler(name: str, group: Group, cases: Sequence[Benchmark]) -> Iterator[str]:
    """The replica that is surely slower than the others' median, with the batch where it is the most work."""
    if late := straggler(figures.over_others(cases[-1].extra_info.figures)):
        number, ratio = late
        what = "rank" if group[0] == strategies.MULTI_WORKER else "replica"
        yield (
            f"{name}: {what} {number} takes {with_interval(ratio, multiple)} the median time of the others for "
            "forward and gradients alone."
        )


def straggler(ratios: Mapping[int, Estimate]) -> tuple[int, Estimate] | None:
    """The slowest of the replicas that are surely slower than the others by more than is usual; None of none."""
    late = {number: ratio for number, ratio in ratios.items() if claims.above(ratio, STRAGGLES) is Answer.YES}
    return max(late.items(), key=lambda item: item[1].value or 0.0) if late else None


def _whole_table(document: Document) -> Grid:
    """A row for each case, of a document of one experiment; steps/s and their ranges are in the report's own table."""
    return Grid(
        title="Speed-up",
        headings=(
            "case",
            "examples/s",
            "speed-up",
            "efficiency",
            "weak",
            "all-reduce",
            "gradients [ms]",
        ),
        rows=tuple(_whole_row(benchmark) for benchmark in cells.without_control(document)),
        caption=_WHOLE_CAPTION + _where(document),
    )


def _whole_row(benchmark: Benchmark) -> tuple[str, ...]:
    found = benchmark.extra_info.figures
    gradients = found.get(figures.GRADIENTS_SECONDS)
    return (
        benchmark.name,
        _examples(benchmark),
        _cell(found.get(figures.SPEEDUP), multiple),
        _share(found.get(figures.STRONG)),
        _share(found.get(figures.WEAK)),
        _share(found.get(figures.SHARE)),
        "-" if gradients is None else _milliseconds(gradients),
    )


def _by_size(document: Document) -> Grid:
    """A row for each size of an all-reduce, strategy and number of devices."""
    rows = [
        (
            f"{case.extra_info.case.strategy}/{case.extra_info.case.devices}",
            size(number),
            scaled(found[figures.of_size(number)], 1e6),
            *("-" if one is None else scaled(one, 1e-6) for one in figures.bandwidths(found, number)),
        )
        for case in cells.without_control(document)
        for found in [case.extra_info.figures]
        for number in figures.sizes_of(found)
    ]
    headings = ("devices", "size", "time [µs]", "algorithm [MB/s]", "bus [MB/s]")
    return Grid(title="All-reduce by size", headings=headings, rows=tuple(rows), caption=_SIZES_CAPTION)


def _replicas(document: Document) -> Grid:
    """A row for each replica, with the largest batch of its strategy and number of devices."""
    rows = [
        (f"{strategy}/{count}/{cases[-1].extra_info.case.batch_size}", str(number), with_interval(ratio, multiple))
        for (strategy, count), cases in _groups(document).items()
        for number, ratio in sorted(figures.over_others(cases[-1].extra_info.figures).items())
    ]
    caption = f"time for forward and gradients alone over the median of the others; above {STRAGGLES:g}x it is named."
    return Grid(title="Replicas", headings=("devices", "replica", "over others"), rows=tuple(rows), caption=caption)


def _examples(benchmark: Benchmark) -> str:
    rate = benchmark.extra_info.steps_per_second.value
    return "-" if rate is None else f"{rate * benchmark.extra_info.case.batch_size:,.0f}"


def _cell(estimate: Estimate | None, form: Callable[[float], str]) -> str:
    return "-" if estimate is None or estimate.value is None else with_interval(estimate, form)


def _share(estimate: Estimate | None) -> str:
    return "-" if estimate is None or estimate.value is None else percent(estimate)


def _milliseconds(seconds: Estimate) -> str:
    return with_interval(seconds, lambda value: digits(1e3 * value))


def _where(document: Document) -> str:
    """What a device is here, and where the ranks of a job were: sentences for a caption."""
    facts = document.autoencoder_bench.facts
    hosts = [facts[group]["host"].value for group in facts if group.startswith("rank_") and "host" in facts[group]]
    strategy_names = {benchmark.extra_info.case.strategy for benchmark in document.benchmarks}
    ranks = (
        f" {len(hosts)} ranks on {len(set(hosts))} host{'s' if len(set(hosts)) > 1 else ''}." if hosts else _LOOPBACK
    )
    return (_CPU if _on_cpu(document) else "") + (ranks if strategies.MULTI_WORKER in strategy_names else "")


def _on_cpu(document: Document) -> bool:
    return document.autoencoder_bench.device.kind == "cpu"


def _draw(document: Document) -> "Figure | None":
    from bench.experiments.scaling import plot

    return plot.draw(document)


EXHIBIT = Exhibit(
    findings=findings,
    table=table,
    section=Section(
        title="Scaling",
        caption="Speed-up over one device, with the same batch and with the same rows on each; and communication.",
        draw=_draw,
        grids=(_whole_table, _by_size, _replicas),
    ),
)
