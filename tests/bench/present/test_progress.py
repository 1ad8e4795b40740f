"""Progress: lines in a log, a bar on a terminal."""

import io
import re

from rich.console import Console

from bench.present.progress import open_view


def drive(view):
    view.say("Device: [CPU]")
    view.stage("cohort 1 of 4: 20 rounds of 7 cases", 0.1)
    view.advance("cohort 1 of 4: round 3 of 20", 0.12)


def test_a_log_gets_one_line_for_each_stage():
    console = Console(file=io.StringIO(), width=80)
    with open_view(console) as view:
        drive(view)
    first, second = console.file.getvalue().splitlines()
    assert first == "Device: [CPU]"
    assert re.fullmatch(r"\[ +\d+ s\] cohort 1 of 4: 20 rounds of 7 cases", second)


def test_a_terminal_gets_a_bar_that_leaves_only_what_was_said():
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with open_view(console) as view:
        drive(view)
    text = console.file.getvalue()
    assert "Device: [CPU]" in text
    assert "left" in text
    assert text.rstrip("\n").endswith("\x1b[2K")  # the bar is wiped at the end
