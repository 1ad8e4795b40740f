"""A diagnosis on one screen, or as JSON."""

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.text import Text

from bench.doctor.finding import Finding
from bench.output.figures import printable

_LONGEST = 1_000
_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("PROBLEM", "red")}


def show(findings: Sequence[Finding], console: Console) -> None:
    """A line for each finding, its remedy below it, and what it comes to."""
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark, colour = _MARKS[finding.state]
        line = Text(f"{mark:8}", colour) + Text(f" {finding.subject:{width}}  {printable(finding.text, _LONGEST)}")
        console.print(line, soft_wrap=True, highlight=False)
        if finding.remedy:
            console.print(f"{'':{width + 11}}-> {finding.remedy}", soft_wrap=True, highlight=False, markup=False)
    counts = {state: sum(finding.state == state for finding in findings) for state in ("problem", "warning")}
    said = [f"{count} {state}{'s' if count > 1 else ''}" for state, count in counts.items() if count]
    console.print(", ".join(said) or "No problems found.", highlight=False)


def to_json(findings: Sequence[Finding]) -> str:
    """All findings, as an object with one key."""
    return msgspec.json.format(msgspec.json.encode({"findings": list(findings)}), indent=2).decode() + "\n"
