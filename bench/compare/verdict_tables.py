"""Comparisons as a person reads them: tables for the terminal and for a page in Markdown."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from bench.compare import policy
from bench.compare.records import Comparison, Judgement, Reason
from bench.output import grid as grids
from bench.output.command import written
from bench.output.figures import interval, multiple
from bench.output.grid import Grid

_COLOURS = {"SLOWER": "red", "LARGER": "red", "FASTER": "green", "SMALLER": "green", "INCONCLUSIVE": "yellow"}
_COLUMNS_TOGETHER = 5  # machines side by side in a terminal

_REASONS: dict[Reason, str] = {
    "beyond_threshold": "the interval excludes 1, and the estimate is beyond the threshold",
    "within_threshold": "the interval lies within the threshold",
    "small": "a difference is certain, and the interval lies within the threshold",
    "wide": "the interval allows for both",
    "below_threshold": "a difference is certain, and whether it is beyond the threshold is open",
    "several_cases": "certain for one case alone, and not among so many",
    "unstable": "an A/A check failed",
    "unchecked": "there was no A/A check",
    "no_interval": "there is no interval",
}

_CAPTIONS = {
    "side_by_side": "Measured in the same rounds.",
    "separate": "Measured in separate runs: intervals include between-run variability",
    "other_hardware": "Other hardware. Intervals hold what separate runs vary by",
}


def show(comparisons: Sequence[Comparison], console: Console, ended: Sequence[str] = ()) -> None:
    """Print what differs, the tables, and what it comes to; `ended` are the sentences that say how, and come last."""
    comparisons = with_short_names(comparisons)
    _print_lines(_before(comparisons), console)
    for grid in _grids(comparisons, _COLUMNS_TOGETHER):
        show_grid(grid, console)
    _print_lines([*closing_lines(comparisons), *ended], console)


def show_grid(grid: Grid, console: Console) -> None:
    """Print a table with its verdicts in colour."""
    console.print(grids.rich(grid, _colour, folding=True))


def _print_lines(lines: Sequence[str], console: Console) -> None:
    if lines:
        console.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)


def without_baseline(why: str, folder: Path | None = None) -> str:
    """What to say where a run was to be held against the baselines, and none fits; `folder` is the run's."""
    named = [] if folder is None else [str(folder), "--out", str(folder.parent)]
    command = written("baseline", *named)
    return f"No verdict: no matching baseline ({why}). To keep this run as one: {command}"


def trend(comparison: Comparison) -> Grid:
    """What has come together since an old result, in steps that may each have been too small for a verdict."""
    (comparison,) = with_short_names([comparison])
    return Grid(
        title=f"Since {comparison.base.label}, the oldest baseline",
        headings=("case", "steps/s then", "now", "speed"),
        rows=tuple(
            (
                case.name,
                _rate(case.base_steps_per_second),
                _rate(case.new_steps_per_second),
                f"{_ratio(case.speed)} {case.verdict or ''}".rstrip(),
            )
            for case in comparison.cases
            if case.state == "compared"
        ),
        caption="For the reader: the exit code is about the newest baseline. " + _caption(comparison),
    )


def markdown(comparisons: Sequence[Comparison], ended: Sequence[str] = ()) -> str:
    """The same as a page, for the summary of a CI job."""
    comparisons = with_short_names(comparisons)
    lines = [*(f"- {grids.literal(line)}" for line in _before(comparisons)), ""]
    for grid in _grids(comparisons, None):
        lines += grids.markdown(grid)
    lines += [f"- {grids.literal(line)}" for line in (*closing_lines(comparisons), *ended)]
    return "\n".join(lines) + "\n"


def with_short_names(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Without the experiment before each name, where all cases are of one: it says nothing then, and takes room."""
    experiments = {case.name.partition("/")[0] for comparison in comparisons for case in comparison.cases}
    known = {name for comparison in comparisons for name in comparison.new.experiments}
    if len(experiments) != 1 or not experiments <= known:
        return list(comparisons)
    return [
        msgspec.structs.replace(
            comparison,
            cases=tuple(msgspec.structs.replace(case, name=case.name.partition("/")[2]) for case in comparison.cases),
        )
        for comparison in comparisons
    ]


def closing_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """What the comparison comes to, and what would settle what is open."""
    lines = []
    for comparison in comparisons:
        of_pair = f"{comparison.new.label}: " if len(comparisons) > 1 else ""
        lines += [of_pair + text for text in _outcome(comparison)]
        lines += [of_pair + note for note in comparison.notes]
    return lines


def _outcome(comparison: Comparison) -> Iterator[str]:
    for case in comparison.cases:
        if case.state != "compared":
            yield f"{case.name}: {case.state.replace('_', ' ')}: {case.detail}"
    if not comparison.judged:
        return
    yield from (f"Regression: {text}." for text in comparison.regressions)
    open_cases: dict[tuple[Reason, str], list[str]] = {}
    for case in comparison.cases:
        if case.verdict == "INCONCLUSIVE" and case.speed and case.speed.reason and case.speed.settle:
            name = f"{case.name} {_ratio(case.speed)}" if case.speed.reason == "below_threshold" else case.name
            open_cases.setdefault((case.speed.reason, case.speed.settle), []).append(name)
    threshold = f"the threshold of {100 * comparison.threshold:g}%"
    for (reason, settle), names in open_cases.items():
        if reason == "below_threshold":
            said = f"a difference is certain, but not that it is beyond {threshold}. To settle that"
        else:
            said = f"inconclusive, {_REASONS[reason]}. To settle it"
        yield f"{', '.join(names)}: {said}: {settle}."
    small = [
        f"{case.name} {_ratio(case.speed)}" for case in comparison.cases if case.speed and case.speed.reason == "small"
    ]
    if small:
        yield f"{', '.join(small)}: a difference is certain, and it is within {threshold}."
    if set(policy.outcomes(comparison)) <= {policy.Outcome.NOISY} and not comparison.failed:
        yield f"No case is slower than {comparison.base.label} by more than {100 * comparison.threshold:g}%."


def _before(comparisons: Sequence[Comparison]) -> list[str]:
    """What differs comes before any figure."""
    lines = []
    for comparison in comparisons:
        for difference in comparison.differences:
            kind = "hardware" if difference.hardware else "software"
            labels = comparison.base.label, comparison.new.label
            values = difference.base or "none", difference.new or "none"
            lines.append(f"{kind}: {difference.name}: {labels[0]} {values[0]}, {labels[1]} {values[1]}")
    return lines


def _grids(comparisons: Sequence[Comparison], together: int | None) -> Iterator[Grid]:
    if len(comparisons) == 1:
        yield from _pair(comparisons[0])
        return
    step = together or len(comparisons)
    for start in range(0, len(comparisons), step):
        yield _machines(comparisons[start : start + step])


def _pair(comparison: Comparison) -> Iterator[Grid]:
    """What is judged, a row for each case; then the figures beside it. Both fit 80 columns."""
    base, new = comparison.base, comparison.new
    cases = [case for case in comparison.cases if case.state == "compared"]
    relative = any(case.relative for case in cases)
    headings = [
        "case",
        "speed",
        *(["vs other cases"] if relative else []),
        *(["verdict"] if comparison.judged else []),
    ]
    rows = [
        [
            case.name,
            _ratio(case.speed),
            *([_ratio(case.relative)] if relative else []),
            *([str(case.verdict)] if comparison.judged else []),
        ]
        for case in cases
    ]
    title = f"{new.label} ({new.device}) against {base.label} ({base.device})"
    yield Grid(title, tuple(headings), tuple(tuple(row) for row in rows), _caption(comparison))
    yield Grid(
        title="steps/s, and the ratios of first calls and of peak memory",
        headings=("case", base.label, new.label, "first call", "memory"),
        rows=tuple(
            (
                case.name,
                _rate(case.base_steps_per_second),
                _rate(case.new_steps_per_second),
                _ratio(case.first_call, comparison.judged),
                _ratio(case.memory, comparison.judged),
            )
            for case in cases
        ),
        caption="steps/s are not comparable between runs: take the ratios.",
    )


def _machines(comparisons: Sequence[Comparison]) -> Grid:
    """One column a machine: throughput, and the ratio to the first."""
    base = comparisons[0].base
    names = dict.fromkeys(case.name for comparison in comparisons for case in comparison.cases)
    by_name = [{case.name: case for case in comparison.cases} for comparison in comparisons]
    rows = []
    for name in names:
        first = next((cases[name].base_steps_per_second for cases in by_name if name in cases), None)
        cells = [name, _rate(first)]
        for cases in by_name:
            case = cases.get(name)
            parts = [_rate(case.new_steps_per_second), _ratio(case.speed)] if case else ["-"]
            if case and case.verdict:
                parts.append(case.verdict)
            cells.append(" ".join(part for part in parts if part != "-") or "-")
        rows.append(tuple(cells))
    return Grid(
        title=f"steps/s, and the speed over {base.label}",
        headings=("case", base.label, *(comparison.new.label for comparison in comparisons)),
        rows=tuple(rows),
        caption=" ".join(dict.fromkeys(_caption(comparison) for comparison in comparisons)),
    )


def _caption(comparison: Comparison) -> str:
    text = _CAPTIONS[comparison.kind]
    noise = comparison.noise
    if noise.source == "assumed":
        text += f", assumed: {100 * (noise.deviation or 0):g}%, since there are {noise.runs} stored runs (--history)."
    elif noise.source == "history":
        text += f": {100 * (noise.deviation or 0):.1f}% in {noise.runs} stored runs."
    if not comparison.judged:
        text += " No verdict."
    else:
        text += (
            f" speed: over that of {comparison.base.label} [95% interval]. SLOWER, FASTER: the interval excludes 1, "
            f"and the estimate is beyond {100 * comparison.threshold:g}%; SAME: the interval lies within that."
        )
    return text


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(judgement: Judgement | None, with_verdict: bool = False) -> str:
    if judgement is None or judgement.ratio.value is None:
        return "-"
    text = f"{multiple(judgement.ratio.value)} {interval(judgement.ratio)}".rstrip()
    return f"{text} {judgement.verdict}" if with_verdict and judgement.verdict in ("SLOWER", "LARGER") else text


def _colour(cell: str) -> str | None:
    return _COLOURS.get(cell.rsplit(" ", 1)[-1])
