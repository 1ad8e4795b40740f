"""What a result says of frameworks: whose best way is fastest, what a call costs in each, which is another update."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.experiments.base import Exhibit, Section
from bench.experiments.frameworks import figures
from bench.output import cells
from bench.output.figures import digits, multiple, printable, scaled, spread, with_interval
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
    "call: its own time, fitted from steps in calls of one and of many. step: what is left of a call of one step. Both "
    "from the paired ratio, times the median time of a step in calls of one."
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
    """Whose best way is fastest, and what a call costs where that was measured."""
    measured = [one for one in cells.without_control(document) if one.extra_info.steps_per_second.value]
    return [*_fastest(document, measured), *_calls(measured), *_others(measured)]


def _fastest(document: Document, measured: Sequence[Benchmark]) -> Iterator[str]:
    """The fastest of all that are the same model, against the fastest of each other framework.

    All pairs of cases are one family, so that it does not matter which of them were picked for being fast.
    """
    cases = {one.name: one for one in measured if is_same_model(one.extra_info.case)}
    processes = {name: estimates.processes_of(one) for name, one in cases.items()}
    if document.experiment.reference not in processes:
        return
    reference = processes[document.experiment.reference]
    found = claims.leaders(processes, reference)
    if found is None:
        return
    first = cases[found.first]
    parts = []
    for framework in dict.fromkeys(one.extra_info.case.framework for one in cases.values()):
        if framework == first.extra_info.case.framework:
            continue
        rival = _best(cases, framework)
        ratio = estimates.ratio_of(processes[rival], processes[found.first], reference, found.confidence)
        parts.append(f"{_speed(ratio)} the steps/s of {rival}, {_title(framework)}'s fastest")
    if not parts:
        yield f"Only {_title(first.extra_info.case.framework)} was measured: there is nothing to compare it with."
        return
    family = f" ({100 * found.confidence:.4g}% intervals, since {len(cases)} were tried)"
    yield f"Fastest: {_with_rate(first)}: {'; '.join(parts)}{family}."


def _best(cases: Mapping[str, Benchmark], framework: str) -> str:
    """The case of a framework that did most steps for each of the reference's, in the same rounds."""
    of_framework = [name for name, one in cases.items() if one.extra_info.case.framework == framework]
    return max(of_framework, key=lambda name: _speed_of(cases[name]).value or 0.0)


def _speed_of(benchmark: Benchmark) -> Estimate:
    """Over the reference's, whose own is 1."""
    one = Estimate(value=1.0, low=1.0, high=1.0, confidence=None, repetitions=0)
    return benchmark.extra_info.figures.get(figures.SPEED, one)


def _speed(ratio: Estimate) -> str:
    remark = " (inconclusive)" if claims.above(ratio, 1.0) is Answer.OPEN else ""
    return f"{with_interval(ratio, multiple)}{remark}"


def _with_rate(benchmark: Benchmark) -> str:
    rate = benchmark.extra_info.steps_per_second
    assert rate.value is not None
    ends = ""
    if rate.low is not None and rate.high is not None and rate.repetitions > 1:
        ends = f" ({spread(rate.low, rate.high, lambda value: f'{value:,.0f}')})"
    return f"{benchmark.name} with {rate.value:,.0f}{ends} steps/s"


def _title(framework: str) -> str:
    return frameworks.TITLES.get(framework, printable(framework))


def _calls(measured: Sequence[Benchmark]) -> Iterator[str]:
    """What a call costs in each framework that has a form with many steps in one, and what a step takes without it."""
    found = [(one, *of_one) for one in measured if (of_one := call_and_step(one, measured))]
    if found:
        parts = [
            f"{_title(one.extra_info.case.framework)} {_milliseconds(call)} ms{_unsure(call)}, and a step without it "
            f"{_milliseconds(step)} ms"
            for one, call, step in found
        ]
        many = found[0][0].extra_info.sample_size.steps_per_call
        yield f"A call of a compiled step costs, fitted from 1 and {many} steps a call: {'; '.join(parts)}."


def call_and_step(many: Benchmark, measured: Sequence[Benchmark]) -> tuple[Estimate, Estimate] | None:
    """Seconds of a call and of a step without it, of a case with many steps a call; None where they are not known."""
    case = many.extra_info.case
    share = many.extra_info.figures.get(figures.CALL)
    one = next(
        (
            other
            for other in measured
            if other.extra_info.case.framework == case.framework
            and other.extra_info.case.mode == figures.ONE.get(case.framework)
        ),
        None,
    )
    if share is None or share.value is None or one is None or not one.extra_info.steps_per_second.value:
        return None
    seconds = 1 / one.extra_info.steps_per_second.value
    return estimates.scaled(share, seconds), estimates.scaled(estimates.share_lost(share), seconds)


def _unsure(call: Estimate) -> str:
    return " (inconclusive)" if claims.above(call, 0.0) is Answer.OPEN else ""


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
