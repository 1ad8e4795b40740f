"""What a result says of precisions: what each brings, at the largest batch and at the notebook's, and what it costs."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench.experiments.base import Exhibit, Section
from bench.experiments.precision import arithmetic, figures
from bench.output import cells
from bench.output.figures import digits, multiple, printable, with_interval
from bench.output.grid import Grid
from bench.plan import precisions
from bench.results import claims, estimates
from bench.results.claims import Answer
from bench.results.schema import Benchmark, Document, Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TRAINING = f"{figures.TRAINED_STEPS:,} steps of {figures.TRAINED_BATCH} rows"
_CAPTION = (
    "vs float32: steps/s over those of float32 in the same mode with the same batch. first losses: largest relative "
    f"difference to eager mode in float32. trained loss: after {_TRAINING}, against float32's, over seeds."
)
_WHOLE_CAPTION = (
    "vs float32: steps/s over those of float32 in the same mode with the same batch. first losses: largest relative "
    "difference to eager mode in float32 (steps compared). Of float32 it is judged by a limit, of the others reported. "
    f"loss: mean of the last {figures.LAST_STEPS} of {_TRAINING}, with its interval over seeds; vs float32's: from the "
    "same first weights on the same batches, seed by seed. arithmetic: what the device has for products of the type, "
    "by its own account; which of it TensorFlow uses was not looked at."
)


def table(document: Document) -> Grid:
    """A row for each case."""
    headings = ("steps/s", "vs float32 [95% CI]", "first losses", "trained loss [95% CI]")
    return cells.of_cases(document, headings, _row, _CAPTION)


def _row(benchmark: Benchmark) -> list[str]:
    return [
        cells.rate(benchmark),
        _speed_cell(benchmark),
        _first_losses(benchmark),
        change(benchmark.extra_info.figures.get(figures.LOSS)),
    ]


def _speed_cell(benchmark: Benchmark) -> str:
    if benchmark.extra_info.case.precision == precisions.FLOAT32:
        return cells.BASELINE
    return cells.ratio(_figure(benchmark, figures.SPEED))


def _first_losses(benchmark: Benchmark) -> str:
    checks = benchmark.extra_info.same_model
    largest = checks[-1].largest_relative_difference if checks else None
    return "-" if largest is None else f"{largest:.1e}"


def change(ratio: Estimate | None) -> str:
    """A ratio as what is added to 1, in percent with its interval; or a dash."""
    if ratio is None or ratio.value is None:
        return "-"
    if ratio.low is None or ratio.high is None:
        return f"{_percent(ratio.value)}% (no interval)"
    return f"{_percent(ratio.value)}% [{_percent(ratio.low)}, {_percent(ratio.high)}]"


def _percent(ratio: float) -> str:
    text = f"{100 * (ratio - 1):+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def findings(document: Document) -> list[str]:
    """Of each precision in each mode, speed and loss together: no speed is told without what it costs."""
    return [text for some in _groups(document) if (text := _sentence(document, some))]


def _groups(document: Document) -> Iterator[Sequence[Benchmark]]:
    """The cases of a precision in a mode, the largest batch first."""
    found: dict[tuple[str, str], list[Benchmark]] = {}
    for benchmark in cells.without_control(document):
        case = benchmark.extra_info.case
        if case.precision != precisions.FLOAT32:
            found.setdefault((case.precision, case.mode), []).append(benchmark)
    for key in sorted(found):
        yield sorted(found[key], key=lambda one: -one.extra_info.case.batch_size)


def _sentence(document: Document, some: Sequence[Benchmark]) -> str | None:
    case = some[0].extra_info.case
    speeds = [(one, speed) for one in some if (speed := _figure(one, figures.SPEED)).value is not None]
    if not speeds:
        return None
    parts = [f"{_speed(speed)} at {one.extra_info.case.batch_size:,} rows" for one, speed in speeds]
    emulated = ", emulated" if arithmetic.of(document, case.precision) == arithmetic.EMULATED else ""
    name = f"{printable(case.precision)} ({printable(case.mode)}{emulated})"
    return f"{name}: {', '.join(parts)}, of float32's steps/s; {_cost(some)}."


def _speed(ratio: Estimate) -> str:
    """Faster or slower where that is sure; little gain where that is; else it is open."""
    text = with_interval(ratio, multiple)
    match claims.above(ratio, 1.0):
        case Answer.YES:
            return text
        case Answer.NO:
            return f"{text} (slower)"
    little = claims.above(ratio, 1 + claims.NEGLIGIBLE) is Answer.NO
    return f"{text} ({f'gains less than {100 * claims.NEGLIGIBLE:g}%' if little else 'inconclusive'})"


def _cost(some: Sequence[Benchmark]) -> str:
    """The loss after a training, which is of one batch size: the others have none."""
    found = [one.extra_info.figures[figures.LOSS] for one in some if figures.LOSS in one.extra_info.figures]
    loss = found[0] if found else estimates.missing(f"none of {figures.TRAINED_BATCH} rows was measured")
    if loss.value is None:
        return f"its loss after {_TRAINING} is not known ({printable(loss.reason or 'no reason is given', 300)})"
    remark = " (inconclusive)" if claims.above(loss, 1.0) is Answer.OPEN else ""
    return f"loss after {_TRAINING} {change(loss)}{remark}"


def _figure(benchmark: Benchmark, name: str) -> Estimate:
    """A figure of a case: a result may come from anywhere, and have none."""
    return benchmark.extra_info.figures.get(name) or estimates.missing("the result does not say")


def _whole_table(document: Document) -> Grid:
    """A row for each case, of a document of one experiment; steps/s and their ranges are in the report's own table."""
    return Grid(
        title="Precisions",
        headings=("case", "vs float32", "first losses", "loss", "vs float32's", "seeds", "arithmetic"),
        rows=tuple(_whole_row(document, benchmark) for benchmark in cells.without_control(document)),
        caption=_WHOLE_CAPTION,
    )


def _whole_row(document: Document, benchmark: Benchmark) -> tuple[str, ...]:
    info, checks = benchmark.extra_info, benchmark.extra_info.same_model
    trained = info.figures.get(figures.TRAINED)
    has_loss = trained is not None and trained.value is not None
    return (
        benchmark.name,
        _speed_cell(benchmark),
        f"{_first_losses(benchmark)} ({checks[-1].steps})" if checks else "-",
        with_interval(trained, digits) if trained else "-",
        change(info.figures.get(figures.LOSS)),
        str(trained.repetitions) if trained and has_loss else "-",
        arithmetic.of(document, info.case.precision),
    )


def _draw(document: Document) -> "Figure | None":
    from bench.experiments.precision import plot

    return plot.draw(document)


EXHIBIT = Exhibit(
    findings=findings,
    table=table,
    section=Section(
        title="Precision",
        caption=f"Steps/s over those of float32, and the loss after {_TRAINING} against float32's.",
        draw=_draw,
        grids=(_whole_table,),
    ),
)
