"""Comparisons for machines: JSON, and CSV with a line for each metric of each case."""

import csv
import io
from collections.abc import Sequence

import msgspec

from bench.compare.records import Comparison, Judgement
from bench.errors import ExitCode

_HEADINGS = (
    "base",
    "new",
    "kind",
    "case",
    "state",
    "metric",
    "base_steps_per_second",
    "new_steps_per_second",
    "ratio",
    "low",
    "high",
    "repetitions",
    "verdict",
    "reason",
    "adjusted_p",
)


def to_json(comparisons: Sequence[Comparison], exit_code: ExitCode, ended: Sequence[str] = ()) -> str:
    """All comparisons, the exit code they lead to, and the sentences that say why."""
    content = {"exit_code": int(exit_code), "summary": list(ended), "comparisons": comparisons}
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"


def to_csv(comparisons: Sequence[Comparison]) -> str:
    """A line for each metric of each case; what is missing is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADINGS)
    for comparison in comparisons:
        for case in comparison.cases:
            metrics = {
                "speed": case.speed,
                "relative_speed": case.relative,
                "first_call": case.first_call,
                "memory": case.memory,
            }
            for metric, judgement in metrics.items():
                if judgement is None and metric != "speed":
                    continue
                writer.writerow(
                    [
                        *(_inert(text) for text in (comparison.base.label, comparison.new.label)),
                        comparison.kind,
                        *(_inert(case.name), case.state, metric),
                        case.base_steps_per_second,
                        case.new_steps_per_second,
                        *_figures(judgement),
                    ]
                )
    return out.getvalue()


def _figures(judgement: Judgement | None) -> tuple[object, ...]:
    if judgement is None:
        return ("",) * 7
    ratio = judgement.ratio
    return (
        ratio.value,
        ratio.low,
        ratio.high,
        ratio.repetitions,
        judgement.verdict,
        judgement.reason,
        judgement.adjusted_p,
    )


def _inert(text: str) -> str:
    """Names come from files: a spreadsheet must not take one for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text
