"""Output that nobody reads, and letters that it has not: what was asked for is done all the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience

ROOT = Path(__file__).parents[2]


def shell(text, **variables):
    """Run a line of a shell, with `bench` as this interpreter's, and return the exit codes of its parts."""
    environment = {**os.environ, "BENCH": f"{sys.executable} -m bench", **variables}
    return subprocess.run(
        ["bash", "-c", text],
        capture_output=True,
        text=True,
        timeout=patience.limit(120),
        check=False,
        cwd=ROOT,
        env=environment,
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("compare results/reference/result.json results/reference/second.json", "0"),
        ("compare results/reference/result.json results/reference/second.json --threshold 0.001 --strict", "5"),
        ("validate no/such/file.json", "2"),
        ("list", "0"),
    ],
)
def test_a_reader_that_goes_away_leaves_the_exit_code(words, code):
    """The reader takes one letter, or none: the next write meets a closed pipe."""
    for reader in ("head -c 1", "true"):
        done = shell(f"$BENCH {words} 2>&1 | {reader}; echo ${{PIPESTATUS[0]}}")
        assert done.stdout.strip().splitlines()[-1].lstrip("|").endswith(code), done
        assert "Traceback" not in done.stderr
        assert "BrokenPipe" not in done.stderr


def test_a_full_disk_below_the_output_is_a_failure():
    for words in ("compare results/reference/result.json results/reference/second.json --format json", "list"):
        done = shell(f"$BENCH {words} > /dev/full; echo $?")
        assert done.stdout.strip() == "1", done
        assert "could not be written: No space left" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_letter_that_the_encoding_has_not_is_replaced(encoding):
    done = shell(
        "$BENCH report results/reference --out /dev/null/x; "
        "$BENCH compare results/reference/result.json results/reference/second.json",
        PYTHONIOENCODING=encoding,
    )
    assert "Traceback" not in done.stderr
    assert "UnicodeEncodeError" not in done.stderr
    assert done.returncode == 0


def test_a_name_that_is_no_text_is_shown_and_does_not_end_the_command(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    with open(folder + b"/result.json", "wb") as file:
        file.write((ROOT / "results/reference/result.json").read_bytes())
    with open(folder + b"/half.json", "wb") as file:
        file.write((ROOT / "results/reference/result.json").read_bytes()[:5_000] + b'"benchmarks"')
    for words, code in (("validate", 0), ("report", 0)):
        done = subprocess.run(
            [sys.executable, "-m", "bench", words, folder + b"/result.json"],
            capture_output=True,
            timeout=patience.limit(60),
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == code, done.stderr
        assert b"Traceback" not in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "bench", "run", "--out", folder, "--device", "cpu"],
        capture_output=True,
        timeout=patience.limit(60),
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert b"no UTF-8" in done.stderr
    assert b"repetition" not in done.stdout


def test_a_terminal_that_can_draw_is_told_from_a_log():
    """FORCE_COLOR asks for colours, not for lines drawn over each other; TERM=dumb can do neither."""
    code = (
        "from rich.console import Console; from bench.output import progress_bar\n"
        "with progress_bar.open_view(Console()) as view: print(type(view).__name__)"
    )
    for variables in ({"FORCE_COLOR": "1"}, {"TERM": "dumb"}, {"FORCE_COLOR": "1", "TERM": "dumb"}):
        done = shell(f"{sys.executable} -c '{code}' | cat", **variables)
        assert done.stdout.strip() == "PlainView", (variables, done)


TERMINALS = {
    "40 columns": {"COLUMNS": "40"},
    "no colour": {"NO_COLOR": "1", "FORCE_COLOR": "1"},
    "no UTF-8": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a terminal that cannot draw": {"TERM": "dumb"},
}


@pytest.mark.parametrize("terminal", TERMINALS)
def test_bad_input_gets_a_readable_answer_on_any_terminal(terminal):
    for words, said in (
        ("run --experiment nosuch", "No experiment 'nosuch'. Known: modes,"),
        ("run --presett quick", "No such option: --presett (Possible options: --preset)"),
        ("list --help", "Show experiments with their cases, and presets."),
    ):
        done = shell(f"$BENCH {words} 2>&1", **TERMINALS[terminal])
        plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).translate({ord("│"): " ", ord("|"): " "}).split())
        assert said in plain, done
        assert done.returncode == (0 if "--help" in words else 2)
        assert "Traceback" not in done.stdout
        if terminal == "no colour":
            assert not re.search(r"\x1b\[[0-9;]*3[0-7]", done.stdout)  # a colour of the foreground
        if terminal == "no UTF-8":
            assert done.stdout.isascii()
