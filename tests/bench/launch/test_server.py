"""The launcher beside real servers and workers."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import patience

from bench import protocol
from bench.errors import BenchError
from bench.launch import worker as workers
from bench.launch.server import Server, ServerGone
from bench.launch.worker import CAN_STOP_WORKERS, Timeouts, WorkerFailed
from bench.plan.case import Case

CASE = Case(experiment="modes", mode="function", pipeline="resident")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(
        "sample", {"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path_factory.mktemp("logs") / "server.log", Timeouts()
    )
    server.wait_until_ready()
    yield server
    server.close()


@pytest.fixture
def worker(server, tmp_path):
    worker, _ = server.start_worker(tmp_path / "worker.log")
    yield worker
    worker.end()


def prepare(worker):
    return worker.ask(
        protocol.Prepare(case=CASE, device="cpu", tf32=None, seed=1), protocol.Prepared, patience.limit(60)
    )


def test_workers_are_fresh_processes_of_one_server(server, tmp_path):
    pids = set()
    for i in range(2):
        worker, seconds = server.start_worker(tmp_path / f"{i}.log")
        assert seconds > 0
        assert psutil.Process(worker.pid).is_running()
        pids.add(worker.pid)
        worker.end()
        assert not psutil.pid_exists(worker.pid)
    assert len(pids) == 2


def test_a_stopped_worker_is_idle_and_goes_on(worker):
    prepare(worker)
    worker.stop()
    process = psutil.Process(worker.pid)
    if CAN_STOP_WORKERS:
        patience.eventually(lambda: process.status() == psutil.STATUS_STOPPED)
    worker.resume()
    done = worker.ask(protocol.RunSample(steps=5, warmup_steps=2), protocol.SampleDone, patience.limit(60))
    assert done.seconds > 0
    assert done.traces == 1


def test_the_parent_sleeps_while_a_worker_measures(worker):
    prepare(worker)
    before, begun = time.process_time(), time.perf_counter()
    worker.ask(protocol.RunSample(steps=1_000, warmup_steps=1), protocol.SampleDone, patience.limit(120))
    elapsed = time.perf_counter() - begun
    # Processor time, not the wall's: one that spins would use all of `elapsed`.
    assert time.process_time() - before < 0.1 * elapsed


@pytest.mark.parametrize(("kills", "reason"), [(0, "^killed by SIGKILL"), (1, "^out of memory: killed by the kernel")])
def test_a_killed_worker_is_out_of_memory_where_the_kernel_counts_one(server, tmp_path, monkeypatch, kills, reason):
    """The kernel's counter is stood in for: a test must not exhaust the machine's memory."""
    counter = iter([41, 41 + kills])
    monkeypatch.setattr(workers, "out_of_memory_kills", lambda: next(counter))
    worker, _ = server.start_worker(tmp_path / "worker.log")
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerFailed, match=reason):
        worker.ask(protocol.Probe(), protocol.Probed, patience.limit(60))
    worker.end()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels keep no such counter")
def test_the_kernels_counter_is_read():
    assert workers.out_of_memory_kills() >= 0
    assert "oom_kill " in Path("/proc/vmstat").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have other ways")
def test_a_worker_is_killed_before_its_server_where_memory_runs_out(worker):
    score = int(Path(f"/proc/{worker.pid}/oom_score_adj").read_text())
    server = psutil.Process(worker.pid).parent()
    assert score > int(Path(f"/proc/{server.pid}/oom_score_adj").read_text())


def test_a_request_out_of_order_is_a_failure_with_a_reason(worker):
    with pytest.raises(WorkerFailed, match="was not prepared, in RunSample"):
        worker.ask(protocol.RunSample(steps=1, warmup_steps=1), protocol.SampleDone, patience.limit(60))


def test_an_unknown_mode_is_a_failure_with_a_reason(worker):
    case = Case(experiment="modes", mode="jax", pipeline="resident")
    with pytest.raises(WorkerFailed, match="KeyError: 'jax'"):
        worker.ask(protocol.Prepare(case=case, device="cpu", tf32=None, seed=1), protocol.Prepared, patience.limit(60))


def test_a_gpu_that_is_not_there_is_a_failure(worker):
    with pytest.raises(WorkerFailed, match="sees no GPU"):
        worker.ask(protocol.Prepare(case=CASE, device="gpu", tf32=None, seed=1), protocol.Prepared, patience.limit(60))


def test_a_reply_of_another_type_is_a_failure(worker):
    with pytest.raises(WorkerFailed, match="something unexpected"):
        worker.ask(protocol.Probe(), protocol.SampleDone, patience.limit(60))


def test_a_healthy_log_has_no_telling_line(worker, server):
    """What ends a worker from outside stands in no log, and nothing else is named in its place."""
    prepare(worker)
    assert workers.telling_line(worker.log) == ""
    assert workers.telling_line(server.log) == ""


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("I0000 x.cc] could not be worse\nValueError: no such mode\n", "ValueError: no such mode"),
        ("F0000 xla.cc] Unknown flag in XLA_FLAGS: --x\nsome more words\n", "Unknown flag in XLA_FLAGS: --x"),
        ("E0000 cuda.cc] failed call to cuInit\nW0000 not found\n", "failed call to cuInit"),
        ("all is well\n", ""),
    ],
)
def test_the_line_that_tells_the_cause(tmp_path, log, line):
    (tmp_path / "log").write_text(log)
    found = workers.telling_line(tmp_path / "log")
    assert line in found
    assert bool(found) == bool(line)


PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing ends a stopped worker, so none is stopped")
def test_workers_die_with_their_server(tmp_path):
    """Orphans come to this process, which reaps them at once, as the first process of a real machine does."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    server = Server("sample", {"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path / "server.log", Timeouts())
    server.wait_until_ready()
    worker, _ = server.start_worker(tmp_path / "worker.log")
    worker.stop()
    parent = psutil.Process(worker.pid).parent()
    parent.kill()
    parent.wait(patience.limit(10))
    assert os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1]) == -signal.SIGKILL
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    with pytest.raises(ServerGone, match=r"server\.log"):
        worker.ask(protocol.Probe(), protocol.Probed, patience.limit(10))
    with pytest.raises(ServerGone, match="ended"):
        server.start_worker(tmp_path / "another.log")
    server.close()


def test_the_death_of_a_dispensable_server_is_its_workers_only(tmp_path):
    """As of another framework: its cases fail, and nothing says that the run is over."""
    server = Server("sample", {"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path / "server.log", Timeouts(), dispensable=True)
    try:
        server.wait_until_ready()
        worker, _ = server.start_worker(tmp_path / "worker.log")
        parent = psutil.Process(worker.pid).parent()
        parent.kill()
        parent.wait(patience.limit(10))
        with pytest.raises(WorkerFailed, match="killed by SIGKILL"):
            worker.ask(protocol.Probe(), protocol.Probed, patience.limit(10))
        with pytest.raises(WorkerFailed, match="its server ended") as failure:
            server.start_worker(tmp_path / "another.log")
        assert failure.value.log == tmp_path / "server.log"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit(1)", "ended while it loaded"),
        ("import time; time.sleep(60)", "not ready after 2 s"),
        (
            "import sys; from multiprocessing.connection import Connection\n"
            "Connection(int(sys.argv[2])).send_bytes(b'hello'); sys.stdin.read()",
            "another protocol",
        ),
        (
            "import sys; from multiprocessing.connection import Connection\n"
            'ready = b\'{"type": "ServerReady", "protocol": 99, "something": "new"}\'\n'
            "Connection(int(sys.argv[2])).send_bytes(ready); sys.stdin.read()",
            "speaks protocol 99",
        ),
    ],
)
def test_a_server_that_is_none_is_one_clear_error(tmp_path, code, message):
    command = (sys.executable, "-c", code)
    server = Server(
        "sample",
        dict(os.environ),
        tmp_path / "server.log",
        Timeouts(server_ready=patience.limit(20) if "sleep" not in code else 2.0),
        command,
    )
    try:
        with pytest.raises(BenchError, match=message):
            server.wait_until_ready()
    finally:
        server.close()
