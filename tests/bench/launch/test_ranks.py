"""Ranks of tf.distribute's real engine on this machine: the same model as one device, and every way to lose one.

Of the failures, what the engine does was seen in TensorFlow 2.21: nothing here stands in for it.
"""

import os
import signal
import socket
import sys
from dataclasses import replace

import keras
import numpy as np
import psutil
import pytest
from support import oracle, patience

from bench import protocol
from bench.backends import batches
from bench.backends.tensorflow.workload import WORKLOAD, Config
from bench.launch import ranks
from bench.launch.server import Server
from bench.launch.worker import Timeouts, WorkerFailed
from bench.measure import same_model
from bench.plan import workload
from bench.plan.case import Case

SEED = 7
BATCH = 64
PAIR = Case(experiment="scaling", strategy="multi-worker", devices=2, batch_size=BATCH)
CORES = sorted(os.sched_getaffinity(0))[:2]

pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="needs two cores: each is a rank's device")


def of(strategy, mode="function"):
    return Case(experiment="scaling", strategy=strategy, devices=2, batch_size=BATCH, mode=mode)


@pytest.fixture(scope="module")
def timeouts():
    return Timeouts(join=patience.limit(30), collective=patience.limit(20), request=patience.limit(60))


@pytest.fixture(scope="module")
def server(tmp_path_factory, timeouts):
    server = Server("sample", {"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path_factory.mktemp("logs") / "server.log", timeouts)
    server.wait_until_ready()
    yield server
    server.close()


@pytest.fixture(scope="module")
def first_batches():
    """The first rows of the sample as every case is checked on them: 50 batches of (64, 784)."""
    data = WORKLOAD.prepare(workload.WORKLOAD.load("sample", lambda _: None))
    return [batches.rows_of(data.x_train, i * BATCH, (i + 1) * BATCH) for i in range(50)]


@pytest.fixture(scope="module")
def expected(first_batches):
    """The losses of NumPy's autoencoder from the same first weights, in float64."""
    keras.utils.set_random_seed(SEED)
    parameters = WORKLOAD.create(Config(batch_size=BATCH))
    values = {
        name: variable.numpy().astype(np.float64)
        for name, variable in {**parameters.weights, **parameters.biases}.items()
    }
    return oracle.train(values, first_batches)


def started(server, case, tmp_path, timeouts):
    """The worker of a case, or as many as it has ranks."""
    if case.strategy != "multi-worker":
        return server.start_worker(tmp_path / "worker.log")[0]
    members = ranks.on_this_host(server, case.devices, "cpu", CORES)
    return ranks.start(members, case, "cpu", lambda rank: tmp_path / f"rank-{rank}.log", timeouts)[0]


def prepare(worker, case, timeouts):
    request = protocol.Prepare(case=case, device="cpu", tf32=None, seed=SEED, cores=tuple(CORES))
    return worker.ask(request, protocol.Prepared, timeouts.request)


@pytest.fixture
def pair(server, tmp_path, timeouts):
    """Two ranks that have done their first steps."""
    worker = started(server, PAIR, tmp_path, timeouts)
    prepare(worker, PAIR, timeouts)
    yield worker
    worker.end()


SAMPLE = protocol.RunSample(steps=3, warmup_steps=1)


@pytest.fixture(scope="module")
def of_one_device(server, tmp_path_factory, timeouts):
    """The same of a single device in eager mode."""
    case = Case(experiment="check", mode="eager", batch_size=BATCH)
    worker = started(server, case, tmp_path_factory.mktemp("eager"), timeouts)
    try:
        prepare(worker, case, timeouts)
        return worker.ask(protocol.Check(steps=50), protocol.Checked, timeouts.request).losses
    finally:
        worker.end()


@pytest.mark.parametrize(
    ("strategy", "mode"),
    [
        ("mirrored", "function"),
        ("mirrored", "function-fused"),
        ("mirrored", "function-xla-gradients"),
        ("multi-worker", "function"),
        ("multi-worker", "function-fused"),
        ("multi-worker", "function-xla-gradients"),
    ],
)
def test_a_batch_that_is_split_is_the_same_optimisation(
    server, tmp_path, timeouts, expected, of_one_device, strategy, mode
):
    case = of(strategy, mode)
    worker = started(server, case, tmp_path, timeouts)
    try:
        prepared = prepare(worker, case, timeouts)
        found = worker.ask(protocol.Check(steps=50), protocol.Checked, timeouts.request)
    finally:
        worker.end()
    assert prepared.pinned_cores == tuple(CORES)
    assert same_model.compare(found.losses, of_one_device, "cpu", tf32=False).passed
    # Keras' own Adam is off the exact one by 6 millionths in its rate, which 50 steps make a few times as much.
    assert same_model.compare(found.losses, expected, "cpu", tf32=False).largest_relative_difference < 1e-4
    assert len(found.losses) == 50


def test_an_optimizer_made_outside_of_the_scope_is_another_model(tmp_path, timeouts, expected):
    """It raises no error: only the losses tell, by 16% after 50 steps."""
    command = (sys.executable, "-P", "-m", "support.servers.outside_scope")
    wrong = Server("sample", {"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path / "server.log", timeouts, command)
    try:
        wrong.wait_until_ready()
        worker = started(wrong, of("mirrored"), tmp_path, timeouts)
        prepare(worker, of("mirrored"), timeouts)
        found = worker.ask(protocol.Check(steps=50), protocol.Checked, timeouts.request)
    finally:
        wrong.close()
    result = same_model.compare(found.losses, expected, "cpu", tf32=False)
    assert not result.passed
    assert result.largest_relative_difference > 0.01


def test_ranks_answer_as_one(pair, timeouts):
    done = pair.ask(SAMPLE, protocol.SampleDone, timeouts.request)
    assert done.seconds > 0
    assert done.traces == 1
    chosen = pair.ask(protocol.Calibrate(), protocol.Calibrated, timeouts.request)
    assert chosen.steps >= 3
    for request in (protocol.Sustain(steps=3, seconds=0.1), protocol.MeasureLatency(steps=3, seconds=0.1)):
        with pytest.raises(WorkerFailed, match="as many steps as fit into a time"):
            pair.ask(request, protocol.SampleDone, timeouts.request)
    pair.stop()  # they are never stopped: the engine would take a rank for dead
    assert all(psutil.Process(pid).status() != psutil.STATUS_STOPPED for pid in pair.pids)


def test_a_rank_that_is_killed_is_named_and_the_others_end_with_it(pair, timeouts):
    first, second = pair.pids
    os.kill(second, signal.SIGKILL)
    with pytest.raises(WorkerFailed, match=r"^rank 1 of 2: killed by SIGKILL, in RunSample"):
        pair.ask(SAMPLE, protocol.SampleDone, timeouts.request)
    assert pair.log.name == "rank-1.log"
    pair.end()
    assert not psutil.pid_exists(first)
    assert not psutil.pid_exists(second)


def test_a_rank_that_died_between_two_requests_is_not_waited_for(pair, timeouts):
    """The other was asked, and waits for it: long before the request's own limit the case has failed."""
    os.kill(pair.pids[1], signal.SIGKILL)
    patience.eventually(lambda: psutil.Process(pair.pids[1]).status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(WorkerFailed, match=r"^rank 1 of 2: killed by SIGKILL") as failed:
        pair.ask(SAMPLE, protocol.SampleDone, 10 * timeouts.request)
    assert failed.value.log == pair.log


def test_a_rank_that_ends_early_is_named(pair, timeouts):
    """It is told that nothing more is wanted of it, as by a launcher that goes: its connection ends."""
    worker = pair._workers[1]
    with socket.socket(fileno=os.dup(worker.connection.fileno())) as one:
        one.shutdown(socket.SHUT_WR)
    patience.eventually(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(WorkerFailed, match=r"^rank 1 of 2: ended with exit code 0"):
        pair.ask(SAMPLE, protocol.SampleDone, timeouts.request)


def test_a_rank_that_is_stopped_is_named(pair, timeouts):
    """The engine notices after some seconds that it has not heard of it."""
    os.kill(pair.pids[1], signal.SIGSTOP)
    with pytest.raises(WorkerFailed, match=r"^rank 1 of 2 is silent in RunSample; rank 0 says: "):
        pair.ask(SAMPLE, protocol.SampleDone, timeouts.request)


def test_a_rank_that_takes_no_part_is_named_once_the_collective_times_out(server, tmp_path, timeouts):
    """Alive, and waiting for a request that never comes: without the engine's limit the other would wait for ever."""
    short = replace(timeouts, collective=5.0)
    pair = started(server, PAIR, tmp_path, short)
    try:
        prepare(pair, PAIR, short)
        pair._workers[1].send = lambda request: None
        with pytest.raises(WorkerFailed, match=r"^rank 1 of 2 is silent in RunSample; rank 0 says: DeadlineExceeded"):
            pair.ask(SAMPLE, protocol.SampleDone, timeouts.request)
    finally:
        pair.end()


def test_a_rank_that_never_joins_ends_the_waiting(server, tmp_path, timeouts, monkeypatch):
    """TensorFlow's constructor would wait for ever: the limit is ours."""
    ask = ranks.Ranks.exchange

    def only_the_first(self, requests, expected, seconds, meanwhile=None):
        self._workers[1].send = lambda request: None
        return ask(self, requests, expected, seconds, meanwhile)

    monkeypatch.setattr(ranks.Ranks, "exchange", only_the_first)
    before = {child.pid for child in psutil.Process(server._process.pid).children()}
    with pytest.raises(WorkerFailed, match=r"hung: no answer to Join from rank 0 and rank 1 within 4 s") as failed:
        started(server, PAIR, tmp_path, replace(timeouts, join=4.0))
    assert failed.value.log.name == "rank-0.log"
    assert {child.pid for child in psutil.Process(server._process.pid).children()} == before


def test_sigterm_does_not_end_a_rank_and_the_end_of_the_case_does(pair, timeouts):
    """TensorFlow's preemption notifier takes the signal; so ranks are ended by SIGKILL."""
    os.kill(pair.pids[1], signal.SIGTERM)
    assert pair.ask(SAMPLE, protocol.SampleDone, timeouts.request).seconds > 0
    pids = pair.pids
    pair.end()
    assert not any(psutil.pid_exists(pid) for pid in pids)
