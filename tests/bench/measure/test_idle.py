"""What a worker does between its blocks: nothing, and nothing that its next block could live on."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.cases import Case
from bench.measure import protocol
from bench.measure.launcher import CAN_STOP_WORKERS, Limits, Server

pytestmark = pytest.mark.skipif(not CAN_STOP_WORKERS, reason="workers are stopped on Linux only")
SERVER = Path(__file__).with_name("slow_input_server.py")
SLEEP_SECONDS = 0.01  # as the server has it


@pytest.fixture(scope="module")
def worker_of(tmp_path_factory):
    """A prepared and calibrated worker of a case with this input, and the size of its blocks."""
    folder = tmp_path_factory.mktemp("idle")
    command = (sys.executable, str(SERVER))
    server = Server("sample", {"CUDA_VISIBLE_DEVICES": "-1"}, folder / "server.log", Limits(), command)

    def start(pipeline):
        worker, _ = server.start_worker(folder / f"{pipeline}.log")
        case = Case(experiment="idle", mode="function", pipeline=pipeline)
        worker.ask(protocol.Prepare(case=case, device="cpu", tf32=None, seed=1), protocol.Prepared, 60)
        chosen = worker.ask(protocol.Calibrate(), protocol.Calibrated, 60)
        return worker, protocol.RunBlock(steps=chosen.steps, lead_in=chosen.lead_in)

    server.wait_until_ready()
    yield start
    server.close()


def seconds_per_step(worker, block, stopped):
    """Of a block after half a second of idleness."""
    if stopped:
        worker.stop()
    time.sleep(0.5)
    if stopped:
        worker.resume()
    return worker.ask(block, protocol.BlockDone, 60).seconds / block.steps


def test_nothing_is_fetched_ahead_while_others_have_their_turn(worker_of):
    """Each batch takes 10 ms to come. A stopped worker has none in store; one that is not has sixteen.

    A step then takes 10 ms, or a quarter of that; on a busy machine a batch may come before the clock starts.
    """
    worker, block = worker_of("sleeping")
    worker.ask(block, protocol.BlockDone, 60)  # what came ahead before is used up
    assert min(seconds_per_step(worker, block, stopped=True) for _ in range(3)) > 0.6 * SLEEP_SECONDS
    assert seconds_per_step(worker, block, stopped=False) < 0.6 * SLEEP_SECONDS  # this test could fail


def test_a_stopped_worker_takes_nothing_of_the_processor(worker_of):
    worker, block = worker_of("busy")
    worker.ask(block, protocol.BlockDone, 60)

    def computed():
        before = psutil.Process(worker.pid).cpu_times()
        time.sleep(0.3)
        after = psutil.Process(worker.pid).cpu_times()
        return after.user + after.system - before.user - before.system

    running = computed()
    worker.stop()
    time.sleep(0.05)
    assert computed() < 0.005  # the kernel counts in hundredths
    assert running > 0.1
