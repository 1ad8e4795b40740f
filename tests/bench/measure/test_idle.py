"""What a worker does between its samples: nothing, and nothing that its next sample could live on."""

import sys
import time

import psutil
import pytest
from support import patience

from bench import protocol
from bench.launch.server import Server
from bench.launch.worker import CAN_STOP_WORKERS, Timeouts
from bench.plan.case import Case

pytestmark = pytest.mark.skipif(not CAN_STOP_WORKERS, reason="workers are stopped on Linux only")
SERVER = ("-m", "support.servers.slow_input")
COUNTER = "TESTS_BATCHES"  # as the server has it
IDLE_SECONDS = 0.3


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    """The file that grows by a byte with every batch that is made."""
    path = tmp_path_factory.mktemp("batches") / "counter"
    path.touch()
    return path


@pytest.fixture(scope="module")
def worker_of(tmp_path_factory, batches):
    """A worker of a case with this input, which has timed a sample."""
    folder = tmp_path_factory.mktemp("idle")
    variables = {"CUDA_VISIBLE_DEVICES": "-1", COUNTER: str(batches)}
    server = Server("sample", variables, folder / "server.log", Timeouts(), (sys.executable, *SERVER))

    def start(pipeline):
        worker, _ = server.start_worker(folder / f"{pipeline}.log")
        case = Case(experiment="idle", mode="function", pipeline=pipeline)
        worker.ask(protocol.Prepare(case=case, device="cpu", tf32=None, seed=1), protocol.Prepared, patience.limit(60))
        worker.ask(protocol.RunSample(steps=5, warmup_steps=2), protocol.SampleDone, patience.limit(60))
        return worker

    server.wait_until_ready()
    yield start
    server.close()


def stop(worker):
    worker.stop()
    patience.eventually(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED)


def test_nothing_is_fetched_ahead_while_others_have_their_turn(worker_of, batches):
    """A stopped worker makes no batch, however long it is idle; one that goes on makes them for its next sample."""
    worker = worker_of("counting")
    stop(worker)
    made = batches.stat().st_size
    time.sleep(IDLE_SECONDS)
    assert batches.stat().st_size == made > 0
    worker.resume()
    patience.eventually(lambda: batches.stat().st_size > made)


def test_a_stopped_worker_takes_nothing_of_the_processor(worker_of):
    worker = worker_of("busy")

    def used():
        times = psutil.Process(worker.pid).cpu_times()
        return times.user + times.system

    before = used()
    patience.eventually(lambda: used() > before + 0.1)  # it computes ahead as long as it may
    stop(worker)
    before = used()
    time.sleep(IDLE_SECONDS)
    assert used() == before
