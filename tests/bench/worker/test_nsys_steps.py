"""The process that a tool runs, under a tool of our own that NVTX loads as it loads Nsight Systems."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience

from bench.protocol import nsys_process

SOURCE = Path(__file__).parent / "stand_in" / "nvtx_injection.c"


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    pytest.importorskip("nvtx")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or os.name != "posix":
        pytest.skip("needs a C compiler, for a tool that NVTX loads")
    library = tmp_path_factory.mktemp("nvtx") / "libtool.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", str(library), str(SOURCE)], check=True
    )
    return library


def run(*arguments, **variables):
    words = ["--device", "cpu", "--data", "sample", *arguments]
    return subprocess.run(
        [sys.executable, "-P", "-m", nsys_process.MODULE, *words],
        capture_output=True,
        text=True,
        timeout=patience.limit(120),
        check=False,
        env={**os.environ, **variables},
    )


def ranges(tool, events, *arguments):
    """The process, and what it told the tool: type and name of each range as it begins, None as one ends."""
    done = run(*arguments, NVTX_INJECTION64_PATH=str(tool), NVTX_EVENTS=str(events))
    assert done.returncode == 0, done.stderr
    told = [line.split(" ", 3) for line in events.read_text().splitlines()]
    assert {words[2] if words[0] == "push" else words[1] for words in told} == {nsys_process.DOMAIN}
    return done, [(int(words[1]), words[3]) if words[0] == "push" else None for words in told]


def test_every_step_has_a_range_inside_of_one_that_a_tool_can_wait_for(tool, tmp_path):
    done, told = ranges(tool, tmp_path / "events", "--case", "modes/xla/notebook", "--steps", "4")
    assert "modes/xla/notebook: 4 steps in NVTX ranges, on the CPU" in done.stdout
    registered = 3  # NVTX_MESSAGE_TYPE_REGISTERED: Nsight Systems compares no other strings with --nvtx-capture
    steps = [part for number in range(4) for part in ((registered, f"step {number}"), None)]
    assert told == [(registered, nsys_process.RANGE), *steps, None]


def test_a_call_of_many_steps_has_one_range_and_as_many_are_done_as_asked_or_more(tool, tmp_path):
    from bench.backends.tensorflow.loops import STEPS_PER_CALL

    most = 2 * STEPS_PER_CALL
    case = ("--case", "roofline/function-loop", "--steps", str(STEPS_PER_CALL + 1))
    done, told = ranges(tool, tmp_path / "events", *case)
    assert f"{most} steps in NVTX ranges" in done.stdout
    names = [one[1] for one in told if one]
    assert names == ["steps", f"steps 0 to {STEPS_PER_CALL - 1}", f"steps {STEPS_PER_CALL} to {most - 1}"]


def test_without_a_tool_the_ranges_cost_nothing_and_the_steps_are_done(tmp_path):
    pytest.importorskip("nvtx")
    done = run("--case", "modes/eager/resident", "--steps", "2", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "2 steps" in done.stdout
    assert not list(tmp_path.iterdir())  # what TensorFlow makes of traced functions is taken away


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--case", "modes/xla/notbook"), "Did you mean xla/notebook"),
        (("--case", "modes/xla/notebook", "--data", "nowhere"), "nowhere"),
        (("--case", "memory/growth/xla"), "needs a GPU"),
        (("--case", "modes/xla/notebook", "--steps", "0"), "--steps"),
    ],
)
def test_bad_usage_exits_with_2_and_says_what(arguments, message, monkeypatch, capsys):
    """In this process, as the command does it: another would import TensorFlow once more for each."""
    pytest.importorskip("nvtx")
    monkeypatch.setattr(sys, "argv", [nsys_process.MODULE, "--device", "cpu", "--data", "sample", *arguments])
    monkeypatch.delitem(sys.modules, nsys_process.MODULE, raising=False)
    with pytest.raises(SystemExit) as end:
        runpy.run_module(nsys_process.MODULE, run_name="__main__", alter_sys=True)
    assert end.value.code == 2
    assert message in capsys.readouterr().err
