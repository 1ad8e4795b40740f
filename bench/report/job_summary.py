"""The summary of a run for the page of a CI job, in Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.compare import verdict_tables as comparisons
from bench.compare.records import Comparison
from bench.output import grid as grids
from bench.output.figures import NOTATION, printable
from bench.report import environments, shortcomings, summary
from bench.report.findings import findings
from bench.results.schema import Document

VARIABLE = "GITHUB_STEP_SUMMARY"


def write(
    document: Document,
    environment: Mapping[str, str],
    comparison: Comparison | None = None,
    trend: Comparison | None = None,
    why_none: str | None = None,
    ended: Sequence[str] = (),
) -> None:
    """Append the summary to the file that the environment names; nothing where it names none.

    `why_none` says why there is no comparison though one was asked for; `ended` what was judged, and the exit code.
    Raises OSError where the file cannot be written.
    """
    if not (name := environment.get(VARIABLE)):
        return
    text = markdown(document)
    if comparison:
        text += "\n" + comparisons.markdown([comparison], ended)
    if trend:
        text += "\n" + "\n".join(grids.markdown(comparisons.trend(trend))) + "\n"
    if why_none:
        lines = [comparisons.without_baseline(why_none), *ended]
        text += "\n" + "".join(f"- {grids.literal(line)}\n" for line in lines)
    with Path(name).open("a", encoding="utf-8") as file:
        file.write(text)


def markdown(document: Document) -> str:
    """What `bench run` shows on its last screen: findings first, then the tables and what is missing."""
    section = document.autoencoder_bench
    title = f"{printable(section.device.name)}, TensorFlow {section.software.tensorflow}, {section.plan.preset}"
    lines = [f"## {grids.literal(title)}", ""]
    lines += [f"- {grids.literal(sentence)}" for sentence in findings(document)] + [""]
    for part in document.parts():
        if part.benchmarks:
            for grid in (summary.table_of(part), *environments.tables(part)):
                lines += grids.markdown(grid)
    lines += [grids.literal(NOTATION), ""]
    lines += [f"- {grids.literal(printable(line, shortcomings.LONGEST_LINE))}" for line in shortcomings.of(document)]
    return "\n".join(lines) + "\n"
