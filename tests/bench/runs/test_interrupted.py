"""What ends a run from outside, or holds it up: signals, a reader that goes away, processes that are killed."""

import signal
import subprocess
import sys
import time

import psutil
import pytest
from support import patience

from bench.errors import ExitCode
from bench.measure.repetition import MOST_ROUNDS_TIMES
from bench.results import files

# A round of two cases takes a tenth of a second.
ROUNDS, ROUNDS_SECONDS = 8, 1.5
STOPPED_SECONDS = 5.0  # longer than the rounds of a repetition may take: three times their seconds

# Quick, made quicker, and telling of every round.
QUICKER = """
import sys
import msgspec
from bench.__main__ import main
from bench.output import progress_bar
from bench.plan.preset import PRESETS
repetitions, rounds, seconds = sys.argv.pop(1).split()
PRESETS["quick"] = msgspec.structs.replace(
    PRESETS["quick"], looks=(int(repetitions),), least_rounds=int(rounds), most_rounds=int(rounds), warmup_rounds=1,
    rounds_seconds=float(seconds), latency_seconds=0.1, training_steps=10
)
progress_bar.PlainView.advance = lambda self, text, share: self.say(text)
main()
"""


@pytest.fixture
def start(tmp_path):
    """Starts a run of two cases in a process of its own, which is ended at the latest after the test."""
    processes = []

    def call(repetitions, **pipes):
        quicker = f"{repetitions} {ROUNDS} {patience.limit(ROUNDS_SECONDS)}"
        options = ["--device", "cpu", "--data", "sample", "--experiment", "modes", "--no-profile"]
        options += ["--only", "function/resident", "--out", str(tmp_path)]
        command = [sys.executable, "-c", QUICKER, quicker, "run", *options]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **pipes))
        return processes[-1]

    yield call
    for process in processes:
        with process:
            process.kill()


def read_until(process, text):
    for line in process.stdout:
        if text in line:
            return
    pytest.fail(f"the run ended without saying {text!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_saves_what_was_measured(start, tmp_path, number):
    started = start(4, stderr=subprocess.STDOUT)
    read_until(started, "repetition 2/4: timing")
    children = psutil.Process(started.pid).children(recursive=True)
    assert len(children) >= 3
    started.send_signal(number)
    rest = started.stdout.read()
    assert started.wait(timeout=patience.limit(60)) == ExitCode.INTERRUPTED, rest
    assert patience.gone(children)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    document = files.read(folder / "result.json")
    assert document.autoencoder_bench.status == "interrupted"
    assert len(document.benchmarks) == 2
    for benchmark in document.benchmarks:
        assert [process.repetition for process in benchmark.extra_info.processes] == [1]
        assert len(benchmark.stats.data) > 1  # as many as the machine does in the time
    assert "Interrupted after repetitions: 1 of at most 4 of modes. They are saved." in rest
    assert "Traceback" not in rest
    assert (tmp_path / "latest.txt").read_text().strip() == folder.name
    assert (folder / "report.html").is_file()


def test_a_reader_that_goes_away_ends_the_run_as_an_interrupt_does(start, tmp_path):
    started = start(4, stderr=subprocess.PIPE)
    read_until(started, "repetition 2/4: timing")
    started.stdout.close()
    errors = started.stderr.read()
    assert started.wait(patience.limit(60)) == ExitCode.INTERRUPTED, errors
    assert "nobody reads the output any more" in errors
    assert "Traceback" not in errors
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert files.read(folder / "result.json").autoencoder_bench.status == "interrupted"
    assert (folder / "report.html").is_file()


def test_a_run_that_was_stopped_for_a_while_goes_on_as_if_it_had_not_been(start, tmp_path):
    """For longer than the rounds of a repetition may take, and in the middle of them."""
    assert STOPPED_SECONDS > MOST_ROUNDS_TIMES * ROUNDS_SECONDS
    started = start(1, stderr=subprocess.STDOUT)
    read_until(started, f"repetition 1/1: round 1/{ROUNDS}")
    started.send_signal(signal.SIGTSTP)
    patience.eventually(lambda: psutil.Process(started.pid).status() == psutil.STATUS_STOPPED)
    time.sleep(patience.limit(STOPPED_SECONDS))
    started.send_signal(signal.SIGCONT)
    rest = started.stdout.read()
    assert started.wait(patience.limit(120)) == ExitCode.OK, rest
    assert f"round {ROUNDS}/{ROUNDS}" in rest
    assert "timed fewer samples than planned" not in rest
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert files.read(folder / "result.json").autoencoder_bench.status == "complete"


def test_a_server_that_dies_costs_the_repetition_in_hand(start, tmp_path):
    started = start(4, stderr=subprocess.STDOUT)
    read_until(started, "repetition 2/4: timing")
    children = psutil.Process(started.pid).children(recursive=True)
    (server,) = {child.ppid() for child in children} - {started.pid}  # the one of two that has workers
    psutil.Process(server).kill()
    rest = started.stdout.read()
    assert started.wait(timeout=patience.limit(60)) == ExitCode.FAILED, rest
    assert "Ended after repetitions: 1 of at most 4 of modes. The server, the parent of all workers, ended" in " ".join(
        rest.split()
    )
    assert patience.gone(children)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    document = files.read(folder / "result.json")
    assert document.autoencoder_bench.status == "failed"
    assert len(document.benchmarks) == 2


def test_no_worker_survives_a_killed_parent(start):
    started = start(1, stderr=subprocess.STDOUT)
    read_until(started, "repetition 1/1: timing")
    children = psutil.Process(started.pid).children(recursive=True)
    # The hard case: a stopped worker.
    patience.eventually(lambda: any(child.status() == psutil.STATUS_STOPPED for child in children))
    started.kill()
    assert patience.gone(children)
