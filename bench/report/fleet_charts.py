"""Plots of many runs: the main cases side by side, and over time."""

from collections.abc import Sequence
from datetime import datetime

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.compare.stored_run import Measured, Run
from bench.experiments.registry import EXPERIMENTS
from bench.output import style
from bench.output.figures import printable
from bench.output.style import Origin
from bench.report.fleet import Machine

_SHOWN = 3  # cases that a plot of many runs has room for
_VERSIONS = 2  # that a plot's caption has room for
_WORSE_OR_BETTER = ("SLOWER", "FASTER")


def main_cases(some: Sequence[Run]) -> list[str]:
    """The cases that stand for the others: those of the first experiment that has some, or else the first there are."""
    present = dict.fromkeys(name for run in some for name in run.cases)
    main = ([f"{one.name}/{case}" for case in one.main] for one in EXPERIMENTS.values())
    found = ([name for name in names if name in present] for names in main)
    return next(filter(None, found), list(present)[:_SHOWN])


@style.styled
def draw_beside(some: Sequence[Run]) -> Figure | None:
    """A row for each run and a dot for each main case, with the range of its repetitions; None without any case."""
    names = main_cases(some)
    if not names:
        return None
    figure, axes = style.begin(len(some), row_height=0.45, around=1.6)
    for position, run in enumerate(reversed(some)):
        for name in names:
            if case := run.cases.get(name):
                value, low, high = _range(case)
                style.range_of(axes, value, low, high, position)
                axes.plot(value, position, _marker(name, names), color=_colour(name, names), markersize=7)
    axes.set_xscale("log")
    style.plain_log(axes.xaxis)
    axes.set_yticks(range(len(some)), [_row_name(run, some) for run in reversed(some)], parse_math=False)
    axes.set_ylim(-0.6, len(some) - 0.4)
    axes.set_xlabel("steps per second (dot: median of repetitions; line: lowest to highest)")
    _legend(figure, names)
    style.caption(figure, _origin(some))
    return figure


@style.styled
def draw_history(machine: Machine) -> Figure | None:
    """A point for each run and main case, over time; None where the times cannot be told."""
    dated = [(when, run) for run in machine.runs if (when := _when(run))]
    names = main_cases(machine.runs)
    if len(dated) < 2 or not names:
        return None
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    # One run after another, evenly apart: runs of one night would else lie on each other.
    places = {run.label: place for place, (_, run) in enumerate(dated)}
    for name in names:
        points = [(places[run.label], _range(run.cases[name])) for _, run in dated if name in run.cases]
        middles = [value for _, (value, _, _) in points]
        around = [[value - low for _, (value, low, _) in points], [high - value for _, (value, _, high) in points]]
        colour = _colour(name, names)
        axes.errorbar(
            [place for place, _ in points],
            middles,
            around,
            color=colour,
            marker=_marker(name, names),
            linewidth=1,
            capsize=2,
        )
    for step in machine.steps:
        if step.run.label not in places or step.comparison is None:
            continue
        if step.comparison.differences:
            axes.axvline(places[step.run.label] - 0.5, color=style.INK, linestyle=":", linewidth=1)
        for case in step.comparison.cases:
            if case.name in names and case.verdict in _WORSE_OR_BETTER:
                value = step.run.cases[case.name].steps_per_second
                axes.annotate(case.verdict, (places[step.run.label], value), xytext=(4, 8), textcoords="offset points")
    shown = dated[:: max(1, len(dated) // 8)]
    axes.set_xticks([places[run.label] for _, run in shown], [f"{when:%Y-%m-%d}" for when, _ in shown], fontsize=8)
    axes.set_yscale("log")
    style.plain_log(axes.yaxis)
    axes.set_ylabel("steps per second")
    axes.set_xlabel("run after run (dotted: software or settings changed)")
    _legend(figure, names)
    style.caption(figure, _origin(machine.runs))
    return figure


def _origin(some: Sequence[Run]) -> Origin:
    """Where a plot of many runs comes from, as far as there is room."""
    machines = {run.device for run in some}
    days = sorted({printable(run.datetime, 40)[:10] for run in some})
    return (
        f"{len(machines)} machines" if len(machines) > 1 else printable(some[0].device, 60),
        days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
        f"TensorFlow {_versions(some, 'tensorflow')}",
        f"autoencoder-bench {_versions(some, 'suite')}",
    )


def _versions(some: Sequence[Run], name: str) -> str:
    found = sorted({printable(str(run.software.get(name) or "unknown"), 20) for run in some})
    more = f" and {len(found) - _VERSIONS} more" if len(found) > _VERSIONS else ""
    return ", ".join(found[:_VERSIONS]) + more


def _row_name(run: Run, some: Sequence[Run]) -> str:
    """The run, and below it the machine where there are several."""
    several = len({one.device for one in some}) > 1
    return "\n".join(map(style.shortened, (run.label, run.device) if several else (run.label,)))


def _range(case: Measured) -> tuple[float, float, float]:
    value = case.steps_per_second
    return (value, *(case.range_of_steps_per_second or (value, value)))


def _colour(name: str, names: Sequence[str]) -> str:
    """Of the case's mode, which is in its name, where that tells the cases apart; else one of its own."""
    modes = [next((mode for mode in ("eager", "function", "xla") if mode in one), one) for one in names]
    distinct = len(set(modes)) == len(modes)
    return style.colour_of(modes[names.index(name)]) if distinct else f"C{names.index(name)}"


def _marker(name: str, names: Sequence[str]) -> str:
    """So that nobody needs colours to tell the cases apart."""
    return "osD^v"[names.index(name) % 5]


def _legend(figure: Figure, names: Sequence[str]) -> None:
    handles = [
        Line2D(
            [], [], color=_colour(name, names), marker=_marker(name, names), linestyle="", label=style.shortened(name)
        )
        for name in names
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def _when(run: Run) -> datetime | None:
    try:
        return datetime.fromisoformat(run.datetime)
    except ValueError:
        return None
