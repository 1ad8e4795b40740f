"""What each fault does to a run: cases that fail, servers that die, interrupts, and bad usage."""

import contextlib
import io
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from rich.console import Console
from support import patience

from bench.errors import BenchError, ExitCode, UsageError
from bench.experiments.base import Exhibit, Experiment
from bench.experiments.registry import EXPERIMENTS
from bench.measure.launcher import Timeouts
from bench.measure.repetition import MOST_ROUNDS_TIMES
from bench.output import cells
from bench.plan.case import Case
from bench.report import summary
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options

FAULTS = {
    "raise": "ValueError: a step that raises, in RunSample",
    "kill": "killed by SIGKILL, in RunSample",
    "segfault": "killed by SIGSEGV, in RunSample",
    "hang": "hung: no answer to RunSample within ",
    "hang-at-once": "hung: no answer to Prepare within ",
    "exhaust": "out of memory: ",
    "exit": "ended with exit code 3, in RunSample",
    "retracing": "was traced 2 times",
    "raise-at-once": "ValueError: a step that raises, in Prepare",
    "another-model": "losses differ from eager's by",
    "not-a-number": "losses differ from eager's by not a number",
}


# A round of two cases takes a tenth of a second.
ROUNDS, ROUNDS_SECONDS, HUNG_SECONDS = 12, 3.0, 12.0


STOPPED_SECONDS = 20.0  # three times what the rounds of a repetition may take there, and more


class Census:
    """A view that notes every process there is below this one whenever it is told something."""

    def __init__(self):
        self.seen = set()

    def say(self, text):
        pass

    def stage(self, text, fraction):
        self.seen.update(psutil.Process().children(recursive=True))

    milestone = advance = stage

    def figures(self, document):
        pass


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, tiny):
    """A run in which every fault happens to one case, and the reference and its A/A control stay sound."""
    broken = Experiment(
        name="faults",
        question="?",
        axes=("mode", "pipeline"),
        cases=lambda axes: [Case(experiment="faults", mode=mode) for mode in ("function", *FAULTS)],
        exhibit=lambda: Exhibit(findings=lambda document: [], table=cells.speeds),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, "faults", broken)
        options = Options(
            preset=msgspec.structs.replace(
                tiny,
                looks=(1,),
                training_steps=10,
                least_rounds=ROUNDS,
                most_rounds=ROUNDS,
                rounds_seconds=patience.limit(ROUNDS_SECONDS),
            ),
            experiments=("faults",),
            out=tmp_path_factory.mktemp("results"),
            data="sample",
            device="cpu",
            profile=False,
            server_command=(sys.executable, "-m", "support.servers.faulty"),
            timeouts=Timeouts(request=patience.limit(HUNG_SECONDS), first_call=patience.limit(HUNG_SECONDS)),
        )
        view = Census()
        outcome = run(options, view)
        assert len(view.seen) > 3
        assert gone(list(view.seen))
        return outcome


@pytest.mark.parametrize("mode", FAULTS)
def test_a_fault_costs_its_own_case_only(faulty, mode):
    status = {case.name: case for case in faulty.document.experiment.cases}[f"{mode}/resident"]
    mismatch = mode in ("another-model", "not-a-number")
    assert status.status == ("mismatch" if mismatch else "failed")
    assert FAULTS[mode] in status.failure.reason
    log = faulty.folder / status.failure.log
    assert log.is_file()
    if "raise" in mode:
        assert "a step that raises" in log.read_text()


def test_the_others_go_on_and_the_exit_code_says_it(faulty):
    assert faulty.exit_code == ExitCode.FAILED
    assert [b.name for b in faulty.document.benchmarks] == ["function/resident", "function/resident/control"]
    # The time lost on the worker that hung is not theirs: with it, the time of their rounds would have been over.
    assert HUNG_SECONDS > MOST_ROUNDS_TIMES * ROUNDS_SECONDS
    assert all(len(b.stats.data) == ROUNDS for b in faulty.document.benchmarks)
    assert files.read(faulty.folder / "result.json").autoencoder_bench.training is not None


LATE_FAULTS = """
import sys
from bench.backends.tensorflow import handlers
from bench.worker import server
from bench.protocol import MeasureLatency, TakeProfile, Train

def fail(session, request):
    raise ValueError(f"no {type(request).__name__} today")

requests = {"latency": MeasureLatency, "profile": TakeProfile, "training": Train}
for name in sys.argv.pop(1).split(","):
    handlers.HANDLERS[requests[name]] = fail
server.main(sys.argv[1:])
"""


@pytest.mark.parametrize("faults", [("latency",), ("profile", "training")])
def test_a_pass_after_the_samples_costs_itself_only(tmp_path, tiny, listener, faults):
    preset = msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10)
    command = (sys.executable, "-c", LATE_FAULTS, ",".join(faults))
    options = Options(
        preset=preset, only=("xla/resident",), out=tmp_path, data="sample", device="cpu", server_command=command
    )
    outcome = run(options, listener)
    assert outcome.exit_code == (ExitCode.FAILED if "training" in faults else ExitCode.OK)
    assert len(outcome.document.benchmarks) == 3
    training = outcome.document.autoencoder_bench.training_reason or ""
    assert ("no Train today" in training) == ("training" in faults)
    for benchmark in outcome.document.benchmarks:
        latency, profile = benchmark.extra_info.latency_reason or "", benchmark.extra_info.profile.reason or ""
        wanted = "latency" in faults and not benchmark.extra_info.case.control
        assert ("no MeasureLatency today" in latency) == wanted
        assert ("no TakeProfile today" in profile) == ("profile" in faults)
        assert ("failed in the latency pass" in profile) == wanted
    shown = io.StringIO()
    summary.show(outcome.document, outcome.folder, Console(file=shown, width=200))
    lines = {"latency": "no latency:", "profile": "the profile failed:", "training": "The training run failed:"}
    assert all(lines[fault] in shown.getvalue() for fault in faults)


PROBE_DIES = """
import os, signal, sys
from bench.backends.tensorflow import handlers
from bench.worker import server
from bench.protocol import Probe
handlers.HANDLERS[Probe] = lambda session, request: os.kill(os.getpid(), signal.SIGSEGV)
server.main(sys.argv[1:])
"""


def test_a_probe_that_dies_is_one_error_with_its_log(tmp_path, tiny, listener):
    options = Options(
        preset=tiny, out=tmp_path, data="sample", device="cpu", server_command=(sys.executable, "-c", PROBE_DIES)
    )
    with pytest.raises(BenchError, match=r"killed by SIGSEGV.*probe\.log"):
        run(options, listener)


def test_an_unsound_server_spawns_its_workers(tmp_path, tiny, listener):
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10),
        only=("function/resident",),
        out=tmp_path,
        data="sample",
        device="cpu",
        profile=False,
        server_command=(sys.executable, "-m", "support.servers.unsound"),
    )
    outcome = run(options, listener)
    assert outcome.exit_code == ExitCode.OK
    (repetition,) = outcome.document.experiment.repetitions
    assert repetition.start_method == "spawn"
    assert "context was initialised" in repetition.unsound
    assert any("spawned" in line for line in listener.lines)
    assert {b.name for b in outcome.document.benchmarks} == {
        "function/resident",
        "function/resident/control",
    }
    # Without eager there is no speed-up, and it says so.
    assert outcome.document.benchmarks[0].extra_info.speedup_over_eager.reason == "eager/resident was not measured"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiments": ("mode",)}, "Did you mean modes"),
        ({"only": ("xla/residen",)}, "Did you mean xla/resident"),
        ({"label": "no/slashes"}, "--label"),
        ({"data": "no/such/folder"}, "no/such/folder"),
        ({"device": "cpu", "gpu": "0"}, "contradicts"),
        ({"out": Path("/proc/nowhere")}, "--out"),
    ],
)
def test_bad_usage_is_found_before_anything_is_measured(tmp_path, tiny, listener, change, message):
    options = Options(**{"preset": tiny, "out": tmp_path, "data": "sample", "device": "cpu", **change})
    with pytest.raises(UsageError, match=message):
        run(options, listener)
    assert listener.stages == []
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_cannot_start_is_one_error(tmp_path, tiny, listener):
    options = Options(
        preset=tiny,
        out=tmp_path,
        data="sample",
        device="cpu",
        server_command=(sys.executable, "-c", "raise SystemExit"),
    )
    with pytest.raises(BenchError, match=r"server\.log"):
        run(options, listener)


def test_a_later_server_that_cannot_start_costs_only_what_it_would_have_measured(tmp_path, tiny, listener, monkeypatch):
    """A server that works twice, for the pair that is started together: the files they leave stop the third.

    All of it in a folder where something else is called bench, which must not be taken for the package.
    """
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").write_text("raise SystemExit('the wrong bench')")
    monkeypatch.chdir(tmp_path)
    code = (
        "import os, pathlib, runpy, sys; flags = pathlib.Path(sys.argv.pop(1))\n"
        "if len(list(flags.iterdir())) > 1: sys.exit(9)\n"
        "(flags / str(os.getpid())).touch()\n"
        "sys.argv[0] = 'server'; runpy.run_module('bench.worker.server', run_name='__main__')"
    )
    (tmp_path / "flags").mkdir()
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(3,), least_rounds=2, most_rounds=2, training_steps=10),
        only=("xla/resident",),
        out=tmp_path / "out",
        data="sample",
        device="cpu",
        profile=False,
        server_command=(sys.executable, "-P", "-c", code, str(tmp_path / "flags")),
    )
    outcome = run(options, listener)
    assert outcome.exit_code == ExitCode.FAILED
    assert "ended while it loaded TensorFlow" in outcome.document.autoencoder_bench.status_reason
    document = files.read(outcome.folder / "result.json")
    assert document.autoencoder_bench.status == "failed"
    assert {len(benchmark.stats.data) for benchmark in document.benchmarks} == {2 * 2}


QUICKER = """
import msgspec
from bench.__main__ import main
from bench.plan.preset import PRESETS
PRESETS["quick"] = msgspec.structs.replace(
    PRESETS["quick"], first_rounds_seconds=2.0, least_rounds=4, most_rounds=8, latency_seconds=0.1, rounds_seconds=6.0
)
main()
"""


@pytest.fixture
def started(tmp_path):
    """A run of four cases in a process of its own, ended at the latest after the test: quick, made quicker."""
    options = ["--device", "cpu", "--data", "sample", "--experiment", "modes", "--no-profile"]
    options += ["--only", "xla/*", "--out", str(tmp_path)]
    command = [sys.executable, "-c", QUICKER, "run", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process
        process.kill()


def read_until(process, text):
    for line in process.stdout:
        if text in line:
            return
    pytest.fail(f"the run ended without saying {text!r}")


def gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=patience.limit(20))
    return alive == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_saves_what_was_measured(started, tmp_path, number):
    read_until(started, "repetition 2/4: timing")
    children = psutil.Process(started.pid).children(recursive=True)
    assert len(children) >= 5
    started.send_signal(number)
    rest = started.stdout.read()
    assert started.wait(timeout=patience.limit(60)) == ExitCode.INTERRUPTED, rest
    assert gone(children)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    document = files.read(folder / "result.json")
    assert document.autoencoder_bench.status == "interrupted"
    assert len(document.benchmarks) == 4
    for benchmark in document.benchmarks:
        assert [process.repetition for process in benchmark.extra_info.processes] == [1]
        assert len(benchmark.stats.data) > 1  # as many of the 20 as the machine does in the time
    assert "Interrupted after repetitions: 1 of at most 4 of modes. They are saved." in rest
    assert "Traceback" not in rest
    assert (tmp_path / "latest.txt").read_text().strip() == folder.name
    assert (folder / "report.html").is_file()


def test_a_reader_that_goes_away_ends_the_run_as_an_interrupt_does(tmp_path):
    options = ["--device", "cpu", "--data", "sample", "--experiment", "modes", "--no-profile", "--only", "xla/*"]
    command = [sys.executable, "-c", QUICKER, "run", *options, "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        read_until(process, "repetition 2/4: timing")
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(patience.limit(60)) == ExitCode.INTERRUPTED, errors
    assert "nobody reads the output any more" in errors
    assert "Traceback" not in errors
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert files.read(folder / "result.json").autoencoder_bench.status == "interrupted"
    assert (folder / "report.html").is_file()


def test_a_run_that_was_stopped_for_a_while_goes_on_as_if_it_had_not_been(started, tmp_path):
    """For longer than the rounds of a repetition may take."""
    read_until(started, "repetition 1/4: timing")
    started.send_signal(signal.SIGTSTP)
    patience.eventually(lambda: psutil.Process(started.pid).status() == psutil.STATUS_STOPPED)
    time.sleep(STOPPED_SECONDS)
    started.send_signal(signal.SIGCONT)
    rest = started.stdout.read()
    assert started.wait(patience.limit(120)) == ExitCode.OK, rest
    assert "timed fewer samples than planned" not in rest
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert files.read(folder / "result.json").autoencoder_bench.status == "complete"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_fills_up_costs_what_would_have_been_measured(small_disk, tiny, listener, monkeypatch):
    """It is full from the second repetition on: what the first one measured is saved, and the run says how it ended."""
    filler = small_disk / "filler"
    stage = listener.stage

    def fill(text, fraction):
        stage(text, fraction)
        if "repetition 2" in text:
            with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"x" * 4096):
                    pass

    monkeypatch.setattr(listener, "stage", fill)
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(2,), least_rounds=2, most_rounds=2, training_steps=10),
        only=("function/resident",),
        out=small_disk,
        data="sample",
        device="cpu",
        profile=False,
    )
    outcome = run(options, listener)
    assert outcome.exit_code == ExitCode.FAILED
    section = files.read(outcome.folder / "result.json").autoencoder_bench
    assert section.status == "failed"
    assert "No space left" in section.status_reason
    assert 1 in {process.repetition for b in outcome.document.benchmarks for process in b.extra_info.processes}
    assert (small_disk / "latest.txt").read_text().strip() == outcome.folder.name
    assert (outcome.folder / "report.html").is_file()


def test_nothing_of_what_the_processes_make_stays_in_the_temporary_folder(tmp_path, tiny, listener, monkeypatch):
    """TensorFlow writes a file for every function that it makes of Python's; an orderly end would take them away."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    code = (
        "import sys, tempfile\nfrom bench.backends.tensorflow import handlers\n"
        "from bench.protocol import Calibrate\nfrom bench.worker import server\n"
        "real = handlers.HANDLERS[Calibrate]\n"
        "def calibrate(session, request):\n"
        "    print('folder', tempfile.gettempdir(), flush=True)\n"
        "    open(tempfile.gettempdir() + '/left', 'w').close()\n"
        "    return real(session, request)\n"
        "handlers.HANDLERS[Calibrate] = calibrate\nserver.main(sys.argv[1:])"
    )
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10),
        only=("function/resident",),
        out=tmp_path / "out",
        data="sample",
        device="cpu",
        profile=False,
        server_command=(sys.executable, "-c", code),
    )
    outcome = run(options, listener)
    log = (outcome.folder / "logs" / "repetition-1" / "modes-function-resident.log").read_text()
    folder = re.search("folder (.+)", log).group(1)
    assert folder.startswith(str(tmp_path / "tmp"))  # it was there, and something was left in it
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_cause_that_stands_in_a_workers_log_is_in_the_reason(tmp_path, tiny, listener, monkeypatch):
    """XLA ends the process over a flag that it does not know, and says so in the log alone."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_no_such_flag=1")
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10),
        only=("xla/resident",),
        out=tmp_path,
        data="sample",
        device="cpu",
        profile=False,
    )
    try:
        outcome = run(options, listener)
        reasons = [case.failure.reason for case in outcome.document.experiment.cases if case.failure]
    except BenchError as error:
        reasons = [str(error)]
    assert any("xla_no_such_flag" in reason for reason in reasons), reasons


def test_a_server_that_dies_costs_the_repetition_in_hand(started, tmp_path):
    read_until(started, "repetition 2/4: timing")
    children = psutil.Process(started.pid).children(recursive=True)
    (server,) = {child.ppid() for child in children} - {started.pid}  # the one of two that has workers
    psutil.Process(server).kill()
    rest = started.stdout.read()
    assert started.wait(timeout=patience.limit(60)) == ExitCode.FAILED, rest
    assert "Ended after repetitions: 1 of at most 4 of modes. The server, the parent of all workers, ended" in " ".join(
        rest.split()
    )
    assert gone(children)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    document = files.read(folder / "result.json")
    assert document.autoencoder_bench.status == "failed"
    assert len(document.benchmarks) == 4


def test_no_worker_survives_a_killed_parent(started):
    read_until(started, "repetition 1/4: timing")
    children = psutil.Process(started.pid).children(recursive=True)
    # The hard case: a stopped worker.
    patience.eventually(lambda: any(child.status() == psutil.STATUS_STOPPED for child in children))
    started.kill()
    assert gone(children)
