"""What it does to a run that a server is at fault, or the disk that it writes to, and what it leaves behind."""

import contextlib
import re
import subprocess
import sys
import tempfile

import msgspec
import pytest

from bench.errors import BenchError, ExitCode
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options

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
        only=("function/resident",),
        out=tmp_path / "out",
        data="sample",
        device="cpu",
        profile=False,
        server_command=(sys.executable, "-P", "-c", code, str(tmp_path / "flags")),
    )
    outcome = run(options, listener)
    assert outcome.exit_code == ExitCode.FAILED
    assert "ended while it loaded its framework" in outcome.document.autoencoder_bench.status_reason
    document = files.read(outcome.folder / "result.json")
    assert document.autoencoder_bench.status == "failed"
    assert {len(benchmark.stats.data) for benchmark in document.benchmarks} == {2 * 2}


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
