"""Comparisons on a terminal and on a page: what differs first, nothing cut off, names taken as text."""

import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console
from support.documents import TIMES, document, pair, simulate

from bench.compare import stored_run, verdict_tables
from bench.compare.compare import compare
from bench.compare.records import Judgement
from bench.output import figures
from bench.results.schema import Estimate


def run(found, name="a"):
    return stored_run.of_document(Path(f"{name}/result.json"), found)


def samples(seed, factor=1.0):
    times = {name: factor * seconds for name, seconds in TIMES.items()}
    return simulate(np.random.default_rng(seed), times, repetitions=12, process=0.002, server=0.002)


@pytest.fixture
def separate():
    base = document(samples(1), label="stored")
    new = document(samples(2, 1.4), label="new", tensorflow="2.22.0", failed=["eager/notebook"])
    return compare(run(base), run(new))


@pytest.fixture
def other_hardware():
    base = document(samples(1), label="laptop")
    return [compare(run(base), run(document(samples(i, 1 / i), label=f"m{i}", gpu=f"GPU {i}"))) for i in (2, 3, 4)]


def shown(comparisons, width=80):
    console = Console(file=io.StringIO(), width=width)
    verdict_tables.show(comparisons, console)
    return console.file.getvalue()


def test_a_terminal_of_80_columns_shows_ratios_intervals_and_verdicts(separate):
    text = shown([separate])
    assert text.splitlines()[0] == "software: tensorflow: stored 2.21.0, new 2.22.0"
    for case in separate.cases:
        if case.state == "compared":
            row = next(line for line in text.splitlines() if line.strip().startswith(case.name.removeprefix("modes/")))
            assert row.rstrip().endswith("SLOWER")
            assert row.count("[") == 2
    assert "eager/notebook: failed: failed: killed by SIGKILL" in text
    assert "Regression: xla/resident is slower." in text
    assert "assumed: 5%" in text
    assert "…" not in text


def test_side_by_side_says_so():
    found = compare(*(run(each) for each in pair(samples(1), samples(2))))
    text = shown([found])
    assert "Measured in the same rounds." in text
    assert "No case is slower than base by more than 3%." in text


def test_other_hardware_has_a_column_for_each_machine_and_no_verdict(other_hardware):
    text = shown(other_hardware, width=160)
    assert text.startswith("hardware: gpu: laptop none, m2 GPU 2")
    header = next(line for line in text.splitlines() if line.strip().startswith("case"))
    assert header.split() == ["case", "laptop", "m2", "m3", "m4"]
    assert "No verdict." in text
    assert "SLOWER" not in text
    assert "4.0" in next(line for line in text.splitlines() if line.strip().startswith("xla/resident"))


def test_many_machines_are_shown_a_few_at_a_time(other_hardware):
    text = shown(other_hardware * 4, width=200)
    assert sum(line.strip().startswith("xla/resident") for line in text.splitlines()) == 3


def test_a_page_has_the_same_and_takes_no_name_for_markup(separate):
    page = verdict_tables.markdown([separate])
    assert "| xla/resident |" in page
    assert "SLOWER" in page
    hostile = "<img src=x>|`[link](javascript:x)\x1b[31m"
    info = msgspec.structs.replace(separate.new, label=figures.printable(hostile))
    page = verdict_tables.markdown([msgspec.structs.replace(separate, new=info)])
    assert "<img" not in page.replace("\\<", "")
    assert "[link](" not in page
    assert "\x1b" not in page
    assert "\\|" in page


def test_rich_markup_in_names_is_text(separate):
    info = msgspec.structs.replace(separate.new, label="[red]x[/red]")
    assert "[red]x[/red]" in shown([msgspec.structs.replace(separate, new=info)])


def test_what_is_inconclusive_says_what_would_settle_it():
    found = compare(run(document(samples(1), label="a")), run(document(samples(2, 1.04), label="b")))
    (line,) = [line for line in shown([found]).splitlines() if "inconclusive" in line]  # one for all of them
    assert line.startswith("eager/resident, function/resident, xla/resident, ")
    assert "inconclusive, the interval allows for both. To settle it: both side by side" in line


def test_a_certain_difference_is_said_though_it_is_not_beyond_the_threshold():
    """0.974 [0.966, 0.982] at 3%, and one whose interval lies within that."""
    base, new = (run(each) for each in pair(samples(1), samples(2)))
    found = compare(base, new)
    first, second, *_ = found.cases
    settle = "--preset standard, which may have 12 repetitions (about 11 are needed, and there were 4)"
    below = judgement(0.974, 0.966, 0.982, "INCONCLUSIVE", "below_threshold", settle)
    small = judgement(0.985, 0.98, 0.99, "SAME", "small", None)
    cases = (
        msgspec.structs.replace(first, speed=below, verdict="INCONCLUSIVE"),
        msgspec.structs.replace(second, speed=small, verdict="SAME"),
    )
    names = [case.name.removeprefix("modes/") for case in (first, second)]
    lines = shown([msgspec.structs.replace(found, cases=cases)], width=300).splitlines()
    assert (
        f"{names[0]} 0.974x [0.966, 0.982]: a difference is certain, but not that it is beyond the threshold of 3%. "
        f"To settle that: {settle}."
    ) in lines
    assert f"{names[1]} 0.985x [0.980, 0.990]: a difference is certain, and it is within the threshold of 3%." in lines


def judgement(value, low, high, verdict, reason, settle):
    ratio = Estimate(value=value, low=low, high=high, confidence=0.95, repetitions=4, reason=None)
    return Judgement(ratio=ratio, verdict=verdict, reason=reason, settle=settle, p=0.01, adjusted_p=0.01)
