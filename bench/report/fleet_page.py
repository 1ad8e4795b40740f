"""The report of many runs: the same cases side by side, what differs between machines, and each machine's history."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from bench import __version__
from bench.compare import noise
from bench.compare.records import CaseComparison, Comparison
from bench.compare.stored_run import Measured, Run, Value, experiment_of
from bench.output.figures import NOTATION, interval, multiple, spread, with_interval
from bench.output.grid import Grid
from bench.report import fleet_charts, render, svg
from bench.report.fleet import Loaded, Machine, Step, against, machines, side_by_side
from bench.report.page import Page, Plot, Section
from bench.results import claims
from bench.results.claims import Answer

_LATEST_STEPS = 200  # rows of a history, the newest
_FEW = 4  # runs, that get a column each
_RATES = "steps/s: in the minutes of each run."


def write(loaded: Loaded, path: Path) -> None:
    """Write the page about these runs."""
    render.to_file(page(loaded), path)


def page(loaded: Loaded) -> Page:
    """Everything about them, what matters most first."""
    found = machines(loaded.runs)
    days = [_day(run) for run in loaded.runs]
    together = side_by_side(found)
    runs, machines_said = len(loaded.runs), f"{len(found)} machine{'s' if len(found) > 1 else ''}"
    return Page(
        title=f"{runs} run{'s' if runs > 1 else ''} of {machines_said}",
        subtitle=f"{min(days)} to {max(days)}",
        legend=NOTATION,
        sections=(
            Section("Findings", "findings", points=tuple(_findings(found, together, loaded.runs))),
            Section("Machines", "machines", grids=(_machines(together),)),
            _beside(together),
            _ratios(together, loaded.runs),
            _differences(together),
            *(_history(machine, i) for i, machine in enumerate(found) if machine.steps),
            Section("All runs", "runs", grids=(_runs(loaded.runs),)),
            Section("What could not be read", "unreadable", points=tuple(loaded.unreadable)),
        ),
        version=__version__,
    )


def _findings(found: Sequence[Machine], together: Sequence[Run], every: Sequence[Run]) -> Iterator[str]:
    if len(found) > 1:
        for name in fleet_charts.main_cases(together):
            with_it = [run for run in together if name in run.cases]
            if len(with_it) > 1:
                yield _fastest(name, with_it, every)
    if len(found) > len(together):
        yield f"Side by side stand {len(together)} machines of {len(found)}; every run is in the last table."
    worse = [
        f"{machine.name}, {_day(step.run)} ({step.run.label}), than the run before: {'; '.join(regressions)}."
        for machine in found
        for step in machine.steps
        if step.comparison and (regressions := step.comparison.regressions)
    ]
    yield from worse
    if not worse and any(machine.steps for machine in found):
        yield from _no_regression([step for machine in found for step in machine.steps])


def _no_regression(steps: Sequence[Step]) -> Iterator[str]:
    """That none was found, and of how many runs that says something."""
    compared = [step.comparison for step in steps if step.comparison]
    certain = sum(not comparison.inconclusive for comparison in compared)
    if not compared:
        yield "No run can be compared with the one before it on the same hardware."
        return
    runs = "1 run" if len(compared) == 1 else f"{len(compared)} runs"
    yield (
        f"No significant regression in {runs}, each against the run before on the same hardware; in "
        f"{len(compared) - certain} of them a case or more is inconclusive. A slow drift shows only in the histories."
    )


def _fastest(name: str, with_it: Sequence[Run], every: Sequence[Run]) -> str:
    """The run with most steps/s where every other is surely slower, by what runs vary by; or that it is open."""
    best = max(with_it, key=lambda run: run.cases[name].steps_per_second)
    rivals = []
    for run, comparison in against(best, [run for run in with_it if run is not best], every):
        cases = comparison.cases if isinstance(comparison, Comparison) else ()
        speed = next((case.speed.ratio for case in cases if case.name == name and case.speed), None)
        if speed is None or speed.value is None:
            rivals.append(f"{run.label}, which is not comparable")
        elif claims.above(speed, 1.0) is not Answer.NO:
            rivals.append(f"{run.label} {with_interval(speed, multiple)}")
    device, rate = f"{best.device} ({best.label})", _rate(best.cases[name])
    if not rivals:
        return f"{name}: fastest is {device}, {rate} steps/s; all others are slower."
    return f"{name}: most steps/s on {device}, {rate}; whether it is the fastest is inconclusive: {', '.join(rivals)}."


def _machines(together: Sequence[Run]) -> Grid:
    """What each run was measured on."""
    rows = (
        (run.label, _gpu(run), *(_fact(run.hardware.get(name)) for name in ("cpu", "cores", "memory_gib")))
        for run in together
    )
    return Grid("Machines", ("run", "GPU", "CPU", "cores", "memory [GiB]"), tuple(rows), "")


def _gpu(run: Run) -> str:
    """Which GPU a run was measured on; a file of another tool does not say."""
    if run.fingerprint is None:
        return "-"
    return str(run.hardware.get("gpu") or "none (CPU)")


def _fact(value: Value) -> str:
    return "-" if value is None else str(value)


def _beside(together: Sequence[Run]) -> Section:
    words = "Steps per second of the main cases, a row for each run."
    figure = fleet_charts.draw_beside(together)
    plots = (_plot(figure, "beside", words),) if figure else ()
    cells = {run.label: {name: _rate(case) for name, case in run.cases.items()} for run in together}
    grids = _oriented("Steps per second", cells, f"{_RATES} They describe those minutes; for claims take the ratios.")
    return Section("The same cases side by side", "beside", plots=plots, grids=grids)


def _ratios(together: Sequence[Run], every: Sequence[Run]) -> Section:
    base, *others = together
    compared = against(base, others, every)
    cells = {run.label: _cells(found) for run, found in compared if isinstance(found, Comparison)}
    grids = _oriented(
        f"Speed over {base.label}",
        cells,
        f"steps/s over those of {base.label} ({base.device}); intervals include between-run variability, by "
        f"{noise.LEAST_RUNS} or more of the same machine and software here, or else assumed. Verdicts are given on the "
        "same hardware only.",
    )
    points = [f"{run.label} is not compared: {found}" for run, found in compared if isinstance(found, str)]
    return Section("Ratios", "ratios", points=tuple(points), grids=grids)


def _cells(comparison: Comparison) -> dict[str, str]:
    return {case.name: _ratio(case) for case in comparison.cases}


def _oriented(title: str, cells: Mapping[str, Mapping[str, str]], caption: str) -> tuple[Grid, ...]:
    """Cells by run and case: of a few runs a column for each, of many a row for each and a table an experiment."""
    names = dict.fromkeys(name for of_run in cells.values() for name in of_run)
    experiments = dict.fromkeys(map(experiment_of, names))
    names = {name: None for experiment in experiments for name in names if experiment_of(name) == experiment}
    if len(cells) <= _FEW:
        rows = tuple((name, *(of_run.get(name, "-") for of_run in cells.values())) for name in names)
        return (Grid(title, ("case", *cells), rows, caption),)
    found = []
    for experiment in experiments:
        own = [name for name in names if experiment_of(name) == experiment]
        rows = tuple(
            (label, *(of_run.get(name, "-") for name in own))
            for label, of_run in cells.items()
            if any(name in of_run for name in own)
        )
        found.append(Grid(f"{title}: {experiment}", ("run", *own), rows, caption))
    return tuple(found)


def _ratio(case: CaseComparison) -> str:
    if case.speed is None or case.speed.ratio.value is None:
        return case.state.replace("_", " ")
    ratio = f"{multiple(case.speed.ratio.value)} {interval(case.speed.ratio)}".rstrip()
    return f"{ratio} {case.verdict}" if case.verdict else ratio


def _differences(together: Sequence[Run]) -> Section:
    """What is not the same everywhere, of hardware and software."""
    rows = []
    for kind in ("hardware", "software"):
        values: list[Mapping[str, Value]] = [getattr(run, kind) for run in together]
        for name in dict.fromkeys(name for of_run in values for name in of_run):
            cells = [of_run.get(name) for of_run in values]
            if len(set(cells)) > 1:
                rows.append((name, *(map(_gpu, together) if name == "gpu" else map(_fact, cells))))
    headings = ("run", *(row[0] for row in rows)) if rows else ()
    by_run = tuple((run.label, *(row[1 + i] for row in rows)) for i, run in enumerate(together)) if rows else ()
    grid = Grid("Fingerprints", headings, by_run, "Only what is not the same in all of these runs.")
    same = ("Their fingerprints are the same.",) if len(together) > 1 and not rows else ()
    return Section("What differs", "differences", points=same, grids=(grid,))


def _history(machine: Machine, number: int) -> Section:
    names = fleet_charts.main_cases(machine.runs)
    changed = {step.run.label: _changed(step) for step in machine.steps}
    rows = [
        (
            _minute(run),
            run.label,
            *(_rate(run.cases.get(name)) for name in names),
            changed.get(run.label, "the first"),
        )
        for run in machine.runs
    ]
    grid = Grid(
        title=f"History of {machine.name}",
        headings=("time, UTC", "run", *names, "against the run before"),
        rows=tuple(rows[-_LATEST_STEPS:]),
        caption=f"{_RATES} Verdicts are against the last run with a case in common, by what earlier runs vary by.",
    )
    words = f"Steps per second on {machine.name} over time; dotted where software or settings changed."
    figure = fleet_charts.draw_history(machine)
    title = f"History: {machine.name}"
    plots = (_plot(figure, f"history-{number}", words),) if figure else ()
    return Section(title, f"history-{number}", plots=plots, grids=(grid,))


def _changed(step: Step) -> str:
    if step.comparison is None:
        return step.reason or ""
    judged = [case for case in step.comparison.cases if case.verdict]
    verdicts = [f"{case.name} {case.verdict}" for case in judged if case.verdict in ("SLOWER", "FASTER")]
    still_open = [case.name for case in judged if case.verdict == "INCONCLUSIVE"]
    if still_open:
        verdicts.append(f"{'all' if len(still_open) == len(judged) else ', '.join(still_open)} INCONCLUSIVE")
    differences = [
        f"{difference.name}: {difference.base or 'none'} to {difference.new or 'none'}"
        for difference in step.comparison.differences
    ]
    same = f"all within {100 * step.comparison.threshold:g}%" if judged else "no case to judge"
    return "; ".join([*verdicts, *differences]) or same


def _runs(some: Sequence[Run]) -> Grid:
    return Grid(
        title="Runs",
        headings=("run", "time, UTC", "device", "GPU", "TensorFlow", "commit", "status", "cases", "not measured"),
        rows=tuple(
            (
                run.label,
                _minute(run),
                run.device,
                _gpu(run),
                str(run.software.get("tensorflow") or "-"),
                run.commit or "-",
                run.status,
                str(len(run.cases)),
                ", ".join(run.failed) or "-",
            )
            for run in some
        ),
        caption="",
    )


def _rate(case: Measured | None) -> str:
    if case is None:
        return "-"
    if not (found := case.range_of_steps_per_second):
        return f"{case.steps_per_second:,.0f} (no range)"
    return f"{case.steps_per_second:,.0f} ({spread(*found, lambda rate: f'{rate:,.0f}')})"


def _day(run: Run) -> str:
    return run.datetime[:10]


def _minute(run: Run) -> str:
    return run.datetime[:16].replace("T", " ")


def _plot(figure: Figure, name: str, words: str) -> Plot:
    return Plot(svg.inline(figure, name, f"{words} Its figures are in the tables below."), words)
