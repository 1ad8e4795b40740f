"""What a result says of frameworks: whose best way is fastest, what a call costs in each, which is another update."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.experiments import leading
from bench.experiments.base import Exhibit, Section
from bench.experiments.frameworks import figures
from bench.output import cells
from bench.output.figures import digits, multiple, printable, scaled, with_interval
from bench.output.grid import Grid
from bench.plan import frameworks
from bench.plan.case import is_same_model
from bench.results import claims, estimates
from bench.results.claims import Answer
from bench.results.schema import Benchmark, Document, Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ANOTHER = "another update"
_CAPTION = (
    "vs {reference}: steps/s over its own. losses: largest relative difference to TensorFlow's in eager mode; "
    f"{_ANOTHER}: the framework's own Adam, not the same model."
)
_WHOLE_CAPTION = (
    "vs {reference}: its time over the case's own, paired. losses: largest relative difference to TensorFlow's in "
    f"eager mode (steps compared), judged by a limit; {_ANOTHER}: the framework's own Adam, which adds epsilon "
    "elsewhere, so not the same model, reported and not judged. USS: private memory of a process on the host, without "
    "what its framework had loaded before the process was forked."
)
_CALLS_CAPTION = (
    "call: its own time, fitted from steps in calls of one and of many, if a step takes the same in both. step: what "
    "is left of a call of one step. Both from the paired ratio, whose interval they have, times the median time of a "
    "step in calls of one."
)


def table(document: Document) -> Grid:
    """A row for each case."""
    headings = ("steps/s", f"vs {_reference(document)} [95% CI]", "first call [s]", "losses")
    return cells.of_cases(document, headings, _row, _CAPTION.format(reference=_reference(document)))


def _reference(document: Document) -> str:
    return printable(document.experiment.reference)


def _row(benchmark: Benchmark) -> list[str]:
    return [
        cells.rate(benchmark),
        _speed_cell(benchmark),
        cells.first_call(benchmark).partition(" ")[0],
        _losses(benchmark),
    ]


def _speed_cell(benchmark: Benchmark) -> str:
    speed = benchmark.extra_info.figures.get(figures.SPEED)
    return cells.BASELINE if speed is None else cells.ratio(speed)


def _losses(benchmark: Benchmark) -> str:
    checks = benchmark.extra_info.same_model
    largest = checks[-1].largest_relative_difference if checks else None
    found = "-" if largest is None else f"{largest:.1e}"
    return found if is_same_model(benchmark.extra_info.case) else f"{found}, {_ANOTHER}"


def findings(document: Document) -> list[str]:
    """Which case is fastest and which of each framework, what a call costs, where the gap is; what is another model."""
    measured = [one for one in cells.without_control(document) if one.extra_info.steps_per_second.value]
    return [*_fastest(document, measured), *_calls(document, measured), *_others(measured)]


def _fastest(document: Document, measured: Sequence[Benchmark]) -> Iterator[str]:
    """The fastest of all that are the same model, and the fastest of each framework against TensorFlow's.

    All pairs of cases are one family, so that it does not matter which of them were picked for being fast.
    """
    cases = {one.name: one for one in measured if is_same_model(one.extra_info.case)}
    processes = {name: estimates.processes_of(one) for name, one in cases.items()}
    reference = processes.get(document.experiment.reference)
    found = None if reference is None else claims.leaders(processes, reference)
    if found is None or reference is None:
        return
    yield leading.fastest("Fastest", found, lambda name: leading.with_rate(cases[name]))
    best = {name: _best(cases, name) for name in dict.fromkeys(one.extra_info.case.framework for one in cases.values())}
    own = best.pop(frameworks.TENSORFLOW)
    if best:
        ratios = {
            name: estimates.ratio_of(processes[own], processes[name], reference, found.confidence)
            for name in best.values()
        }
        parts = [f"{_title(of)} ({name}) {_speed(ratios[name])}" for of, name in best.items()]
        yield f"Best of each over TensorFlow's, {own}: {', '.join(parts)} the steps/s{leading.family(found)}."


def _best(cases: Mapping[str, Benchmark], framework: str) -> str:
    """The case of a framework that did most steps for each of the reference's, in the same rounds."""
    of_framework = [name for name, one in cases.items() if one.extra_info.case.framework == framework]
    return max(of_framework, key=lambda name: _speed_of(cases[name]).value or 0.0)


def _speed_of(benchmark: Benchmark) -> Estimate:
    """Over the reference's, whose own is 1."""
    one = Estimate(value=1.0, low=1.0, high=1.0, confidence=None, repetitions=0)
    return benchmark.extra_info.figures.get(figures.SPEED, one)


def _speed(ratio: Estimate) -> str:
    remark = {Answer.YES: "", Answer.NO: " (slower)", Answer.OPEN: " (inconclusive)"}[claims.above(ratio, 1.0)]
    return f"{with_interval(ratio, multiple)}{remark}"


def _title(framework: str) -> str:
    return frameworks.TITLES.get(framework, printable(framework))


def _calls(document: Document, measured: Sequence[Benchmark]) -> Iterator[str]:
    """What a call costs in each framework that has a form with many steps in one, and what a step takes without it."""
    fits = [(one, *of_one) for one in measured if (of_one := call_and_step(one, measured))]
    if not fits:
        return
    parts = [
        f"{_title(one.extra_info.case.framework)} {_milliseconds(call)} ms{_unsure(call)}, and a step without it "
        f"{_milliseconds(step)} ms"
        for one, call, step in fits
    ]
    many = fits[0][0].extra_info.sample_size.steps_per_call
    yield f"A call of a compiled step costs, fitted from 1 and {many} steps a call: {'; '.join(parts)}."
    yield from _gap(document, [one for one, _, _ in fits], measured)


def _gap(document: Document, fits: Sequence[Benchmark], measured: Sequence[Benchmark]) -> Iterator[str]:
    """Whether TensorFlow's calls of one step take longer for the call, or for the step that was compiled."""
    by_framework = {one.extra_info.case.framework: one for one in fits}
    ours = by_framework.pop(frameworks.TENSORFLOW, None)
    reference = next((one for one in measured if one.name == document.experiment.reference), None)
    if ours is None or reference is None:
        return
    unit = 1 / (reference.extra_info.steps_per_second.value or 1.0)
    for framework, theirs in by_framework.items():
        processes = estimates.processes_of(reference)
        found = figures.gap(_pair(ours, measured), _pair(theirs, measured), processes)
        if found is None:
            continue
        parts = [
            f"the {what} {_milliseconds(estimates.scaled(part, unit))} ms{_unsure(part)}"
            for what, part in (("call", found.call), ("step", found.step))
        ]
        yield f"What a call of one step takes more in TensorFlow than in {_title(framework)}: {', '.join(parts)}."


def _pair(many: Benchmark, measured: Sequence[Benchmark]) -> figures.Pair:
    one = _with_one(many, measured)
    assert one is not None  # or nothing was fitted
    steps = many.extra_info.sample_size.steps_per_call
    return figures.Pair(estimates.processes_of(one), estimates.processes_of(many), steps)


def _with_one(many: Benchmark, measured: Sequence[Benchmark]) -> Benchmark | None:
    """The same with one step a call."""
    framework = many.extra_info.case.framework
    mode = figures.ONE.get(framework)
    cases = ((one, one.extra_info.case) for one in measured)
    return next((one for one, case in cases if (case.framework, case.mode) == (framework, mode)), None)


def call_and_step(many: Benchmark, measured: Sequence[Benchmark]) -> tuple[Estimate, Estimate] | None:
    """Seconds of a call and of a step without it, of a case with many steps a call; None where they are not known."""
    share, one = many.extra_info.figures.get(figures.CALL), _with_one(many, measured)
    if share is None or share.value is None or one is None or not one.extra_info.steps_per_second.value:
        return None
    seconds = 1 / one.extra_info.steps_per_second.value
    return estimates.scaled(share, seconds), estimates.scaled(estimates.share_lost(share), seconds)


def _unsure(more: Estimate) -> str:
    remarks = {Answer.YES: "", Answer.NO: " (less)", Answer.OPEN: " (inconclusive)"}
    return remarks[claims.above(more, 0.0)]


def _milliseconds(seconds: Estimate) -> str:
    return scaled(seconds, 1e3)


def _others(measured: Sequence[Benchmark]) -> Iterator[str]:
    """The cases that are not the same model, and how far their losses are from it."""
    parts = []
    for one in measured:
        checks = one.extra_info.same_model
        largest = checks[-1].largest_relative_difference if checks else None
        if not is_same_model(one.extra_info.case) and largest is not None:
            parts.append(f"{one.name} by {digits(100 * largest)}%")
    if parts:
        yield f"Not the same model, for their Adam makes another update: losses differ in {', '.join(parts)}."


def _whole_table(document: Document) -> Grid:
    """A row for each case, of a document of one experiment; steps/s and their ranges are in the report's own table."""
    reference = _reference(document)
    return Grid(
        title="The same step in each framework",
        headings=("case", f"vs {reference}", "steps a call", "USS", "losses"),
        rows=tuple(
            (
                one.name,
                _speed_cell(one),
                str(one.extra_info.sample_size.steps_per_call),
                cells.memory_with_range(one, "uss"),
                _losses_with_steps(one),
            )
            for one in cells.without_control(document)
        ),
        caption=_WHOLE_CAPTION.format(reference=reference),
    )


def _losses_with_steps(benchmark: Benchmark) -> str:
    checks = benchmark.extra_info.same_model
    text = _losses(benchmark)
    return f"{text} ({checks[-1].steps})" if checks else text


def _call_table(document: Document) -> Grid:
    """A row for each framework whose calls were fitted."""
    measured = cells.without_control(document)
    rows = [
        (_title(one.extra_info.case.framework), _milliseconds(call), _milliseconds(step))
        for one in measured
        if (found := call_and_step(one, measured))
        for call, step in [found]
    ]
    return Grid("What a call costs", ("framework", "call [ms]", "step [ms]"), tuple(rows), _CALLS_CAPTION)


def _draw(document: Document) -> "Figure | None":
    from bench.experiments.frameworks import plot

    return plot.draw(document)


EXHIBIT = Exhibit(
    findings=findings,
    table=table,
    section=Section(
        title="Frameworks",
        caption="Steps/s over those of tf.function; hollow: another update, not the same model.",
        draw=_draw,
        grids=(_whole_table, _call_table),
    ),
)
