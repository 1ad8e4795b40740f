"""What is shown of stored results stays as it is, word by word, whatever moves inside.

Where a change of words is meant: RENEW_SNAPSHOTS=1 pytest tests/bench/test_snapshots.py, and read the difference.
"""

import html
import io
import os
import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.__main__ import app
from bench.report import render, run_page, summary
from bench.report.findings import findings
from bench.results import files

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
SNAPSHOTS = Path(__file__).parent / "snapshots"
RESULTS = sorted(path.stem for path in REFERENCE.glob("*.json"))


def hold(name, text):
    """The text against what is stored under this name."""
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("RENEW_SNAPSHOTS"):
        path.write_text(text)
    assert text == path.read_text()


def screen(document):
    console = Console(file=io.StringIO(), width=120, emoji=False)
    console.print(summary.summary(document))
    return console.file.getvalue()


def words_of(page):
    """The text of a page, a line for each piece; plots and scripts are none."""
    text = re.sub(r"<(svg|style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    pieces = (html.unescape(piece).strip() for piece in re.split(r"<[^>]*>", text))
    return "".join(f"{piece}\n" for piece in pieces if piece)


@pytest.mark.parametrize("name", RESULTS)
def test_screen_and_findings_of_a_stored_result(name):
    document = files.read(REFERENCE / f"{name}.json")
    hold(f"{name}-screen", screen(document))
    hold(f"{name}-findings", "".join(f"{sentence}\n" for sentence in findings(document)))


@pytest.mark.parametrize("name", RESULTS)
def test_the_report_of_a_stored_result(name):
    page = run_page.page(files.read(REFERENCE / f"{name}.json"), None)
    hold(f"{name}-report", words_of(render.html(page)))


def test_the_list_of_cases():
    done = CliRunner().invoke(app, ["list"])
    assert done.exit_code == 0
    hold("list", done.stdout)
