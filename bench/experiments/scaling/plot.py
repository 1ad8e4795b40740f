"""The plot of the experiment `scaling`: speed-up over devices beside the ideal, and what communication takes."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.experiments.scaling import figures
from bench.output import cells, style
from bench.plan import strategies
from bench.results import estimates
from bench.results.schema import Benchmark, Document, Estimate

_MARKERS = {strategies.MIRRORED: "o", strategies.MULTI_WORKER: "s"}
_OTHER = "^"
_COLOURS = ("#1b6ca8", "#d95f02", "#2a7f4f", "#7d6b91", "#8a8a8a")
_ALL_REDUCE = "#d95f02"


@style.styled
def draw(document: Document) -> Figure | None:
    """Left the speed-up of every batch (strong: filled, weak: hollow), right the all-reduce alone over a step."""
    cases = [
        case
        for case in cells.without_control(document)
        if case.extra_info.case.strategy != strategies.SINGLE and case.extra_info.case.devices > 1
    ]
    if not cases:
        return None
    figure = Figure(figsize=(9, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_speedup(left, cases)
    _draw_communication(right, cases)
    style.caption(figure, style.origin(document))
    return figure


def _draw_speedup(axes: Axes, cases: Sequence[Benchmark]) -> None:
    most = max(case.extra_info.case.devices for case in cases)
    axes.plot([1, most], [1, most], color=style.INK, linewidth=0.8, linestyle=":", label="ideal")
    sizes = sorted({rows for case in cases for rows, _, _ in _speedups(case)})
    colours = {rows: _COLOURS[i % len(_COLOURS)] for i, rows in enumerate(sizes)}
    for case in cases:
        of_case = case.extra_info.case
        # Strategies beside each other, so that intervals do not cover each other.
        place = of_case.devices * (0.98 if of_case.strategy == strategies.MIRRORED else 1.02)
        for rows, estimate, is_strong in _speedups(case):
            if not (estimate.value and estimate.low and estimate.high):
                continue
            axes.errorbar(
                place + (0 if is_strong else 0.04 * of_case.devices),
                estimate.value,
                [[estimate.value - estimate.low], [estimate.high - estimate.value]],
                fmt=_MARKERS.get(of_case.strategy, _OTHER),
                color=colours[rows],
                markerfacecolor=colours[rows] if is_strong else "none",
                capsize=3,
            )
    for rows, colour in colours.items():
        axes.plot([], [], "o", color=colour, label=f"{rows:,} rows on one")
    for strategy in dict.fromkeys(case.extra_info.case.strategy for case in cases):
        axes.plot([], [], _MARKERS.get(strategy, _OTHER), color=style.INK, label=strategy)
    axes.plot([], [], "o", color=style.INK, markerfacecolor="none", label="weak (hollow)")
    axes.set_xticks(sorted({1, *(case.extra_info.case.devices for case in cases)}))
    axes.set_xlim(0.8, 1.2 * most)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("devices")
    axes.set_ylabel("speed-up of examples/s over one [95% CI]")
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _speedups(case: Benchmark) -> list[tuple[int, Estimate, bool]]:
    """Rows on the one device, the speed-up of examples per second over it, and whether the batch was the same."""
    of_case, found = case.extra_info.case, case.extra_info.figures
    strong, weak = found.get(figures.SPEEDUP), found.get(figures.WEAK)
    speedups = [] if strong is None else [(of_case.batch_size, strong, True)]
    if weak is not None:
        times = estimates.scaled(weak, of_case.devices)  # as many times the rows in a step
        speedups.append((of_case.batch_size // of_case.devices, times, False))
    return [one for one in speedups if one[1].value is not None]


def _draw_communication(axes: Axes, cases: Sequence[Benchmark]) -> None:
    shares = [(case, share) for case in cases if (share := case.extra_info.figures.get(figures.SHARE)) and share.value]
    for position, (_, share) in enumerate(reversed(shares)):
        assert share.value is not None
        axes.barh(position, 100 * share.value, color=_ALL_REDUCE, height=0.6)
        if share.low is not None and share.high is not None:
            style.range_of(axes, 100 * share.value, 100 * share.low, 100 * share.high, position)
    style.name_rows(axes, [case.name.removesuffix("/function") for case, _ in reversed(shares)])
    axes.set_xlim(left=0)
    axes.set_xlabel("all-reduce alone, % of a step [95% CI]")
