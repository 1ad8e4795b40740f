"""Progress: lines in a log, a bar on a terminal."""

import io
import re

import pytest
from rich.console import Console

from bench.output.progress_bar import open_view


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drive(view):
    view.say("Device: [CPU]")
    view.milestone("repetition 1/4: timing 7 cases", 0.1)
    view.stage("repetition 1/4: first call xla/resident", 0.11)
    view.advance("repetition 1/4: round 3/20", 0.12)


def test_a_log_gets_one_line_for_each_milestone():
    console = Console(file=io.StringIO(), width=80)
    with open_view(console) as view:
        drive(view)
    first, second = console.file.getvalue().splitlines()
    assert first == "Device: [CPU]"
    assert re.fullmatch(r"\[ +\d+ s\] repetition 1/4: timing 7 cases", second)


@pytest.mark.parametrize(
    ("file", "variables"),
    [
        pytest.param(io.StringIO, {"FORCE_COLOR": "1"}, id="a log that is to have colours"),
        pytest.param(Terminal, {"TERM": "dumb"}, id="a terminal that cannot draw"),
        pytest.param(Terminal, {"TERM": "unknown"}, id="a terminal that nobody knows"),
        pytest.param(io.StringIO, {"FORCE_COLOR": "1", "TERM": "dumb"}, id="both"),
    ],
)
def test_what_cannot_be_drawn_over_gets_plain_lines(monkeypatch, file, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    console = Console(file=file(), width=80)
    with open_view(console) as view:
        for _ in range(100):
            drive(view)
    assert len(console.file.getvalue().splitlines()) == 200
    assert "\x1b[2K" not in console.file.getvalue()


def test_a_terminal_gets_a_bar_that_leaves_only_what_was_said():
    console = Console(file=Terminal(), width=100, force_terminal=True)
    with open_view(console) as view:
        drive(view)
    text = console.file.getvalue()
    assert "Device: [CPU]" in text
    assert "left" in text
    assert text.rstrip("\n").endswith("\x1b[2K")  # the bar is wiped at the end


def test_a_terminal_shows_the_figures_so_far_below_the_bar():
    console = Console(file=Terminal(), width=100, force_terminal=True)
    with open_view(console, lambda document: f"so far: {document}") as view:
        view.milestone("repetition 1/4: timing 7 cases", 0.1)
        assert "so far" not in console.file.getvalue()
        view.figures("xla 641 steps/s")
        view.stage("repetition 2/4: first call xla/resident", 0.3)
        text = console.file.getvalue()
        assert text.rindex("first call") < text.rindex("so far: ")


def test_a_log_gets_no_figures_before_the_end():
    console = Console(file=io.StringIO(), width=100)
    with open_view(console, lambda document: f"so far: {document}") as view:
        view.figures("xla 641 steps/s")
    assert console.file.getvalue() == ""
