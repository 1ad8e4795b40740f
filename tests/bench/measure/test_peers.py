"""Frameworks beside TensorFlow: what is taken down of each, and one that does not see the device."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench import protocol
from bench.launch.server import FailedServer
from bench.launch.worker import Timeouts, WorkerFailed
from bench.measure import peers, separate
from bench.measure.entry import NEW, ServerKey
from bench.measure.servers import Servers
from bench.results.record import Fact

JAX = ServerKey(NEW, "jax")
FLAGGED = replace(JAX, environment="A=1")
KEYS = (ServerKey(NEW), JAX, FLAGGED)


class Recorder:
    def __init__(self):
        self.facts = {}

    def add_facts(self, facts):
        self.facts |= facts


class View:
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def probed(gpu_build, gpus):
    return protocol.Probed(
        framework="JAX",
        versions={},
        gpu_build=gpu_build,
        gpus=gpus,
        pci_bus_ids=[],
        tf32=False,
        facts={"jax": Fact(value="0.10.2")},
    )


@pytest.fixture
def met(tmp_path, monkeypatch):
    """What becomes of servers, recorder and view where a worker of JAX answers so."""

    def meet(answer, device):
        def ask_once(server, log, request, expected, seconds):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(separate, "ask_once", ask_once)
        servers = Servers({}, KEYS, tmp_path, Timeouts(), lambda: None)
        servers._alive[1] = {key: FailedServer("a stand-in", tmp_path / "log") for key in KEYS}
        recorder, view = Recorder(), View()
        settings = SimpleNamespace(folder=tmp_path, device=device, timeouts=Timeouts())
        peers.meet(KEYS, servers, {NEW: recorder}, settings, view)
        return servers, recorder, view

    return meet


def reason_of(server, tmp_path):
    with pytest.raises(WorkerFailed) as failure:
        server.start_worker(tmp_path / "log")
    return str(failure.value)


@pytest.mark.parametrize(("device", "gpus"), [("cpu", []), ("gpu", ["NVIDIA H100"])])
def test_what_it_says_of_itself_is_taken_down(met, device, gpus, tmp_path):
    servers, recorder, view = met(probed(bool(gpus), gpus), device)
    assert recorder.facts == {"jax": {"jax": Fact(value="0.10.2")}}
    assert view.said == [f"JAX sees {name}." for name in gpus]
    assert reason_of(servers.of(1)[JAX], tmp_path) == "a stand-in"


@pytest.mark.parametrize(
    ("gpu_build", "remedy"),
    [(False, "BENCH_EXTRA=gpu nox --reuse-venv=no -s jax"), (True, "do not fit this driver")],
)
def test_one_that_sees_no_gpu_is_given_up_with_the_remedy_under_all_variables(met, gpu_build, remedy, tmp_path):
    servers, _, view = met(probed(gpu_build, []), "gpu")
    for key in (JAX, FLAGGED):
        assert remedy in reason_of(servers.of(1)[key], tmp_path)
    assert reason_of(servers.of(1)[ServerKey(NEW)], tmp_path) == "a stand-in"
    assert "JAX sees no GPU" in view.said[0]


def test_one_that_cannot_answer_is_given_up_and_its_facts_are_missing_with_the_reason(met, tmp_path):
    servers, recorder, _ = met(WorkerFailed("killed by SIGKILL, in Probe"), "cpu")
    assert recorder.facts["jax"]["version"].reason == "killed by SIGKILL, in Probe"
    assert "cannot look for devices" in reason_of(servers.of(1)[JAX], tmp_path)


def test_without_other_frameworks_there_are_no_weights_to_hand_over():
    assert peers.weights([ServerKey(NEW)], None, None) is None
