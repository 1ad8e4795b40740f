"""JAX and PyTorch in interpreters of their own: the same model as in NumPy, and nothing of TensorFlow."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import oracle, peers

from autoencoder import data
from bench import protocol
from bench.backends import batches, peer
from bench.backends.tensorflow import device, handlers, modes
from bench.backends.tensorflow.workload import WORKLOAD, Config
from bench.experiments.frameworks.experiment import MODES
from bench.launch.worker import Timeouts, WorkerFailed
from bench.measure import same_model
from bench.plan import frameworks
from bench.plan.case import Case, is_same_model, under

LIMITS = Timeouts()
SHAPES = [(784, 128), (128, 64), (64, 128), (128, 784), (128,), (64,), (128,), (784,)]
NAMES = [*(weight for weight, _ in oracle.LAYERS), *(bias for _, bias in oracle.LAYERS)]
ON_A_CPU = [
    Case(experiment="frameworks", framework=framework, mode=mode)
    for framework in (frameworks.JAX, frameworks.TORCH)
    for mode in MODES[framework]
    if mode != "compile-cuda-graphs"
]


@pytest.fixture(scope="module")
def rows():
    return data.prepare(data.load("sample", lambda text: None).train_images)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """First weights as a file of TensorFlow's would have them."""
    generator = np.random.default_rng(5)
    arrays = [generator.normal(0.0, 0.05, shape).astype(np.float32) for shape in SHAPES]
    path = tmp_path_factory.mktemp("weights") / "weights.npz"
    np.savez(path, *arrays)
    return path, arrays


@pytest.fixture(scope="module")
def expected(rows, weights):
    values = {name: array.astype(np.float64) for name, array in zip(NAMES, weights[1], strict=True)}
    return oracle.train(values, [rows_of.astype(np.float64) for rows_of in batches.in_order(rows, 64, 0, 50)])


@pytest.fixture(scope="module")
def eagerly(rows, weights):
    """The losses of the model itself in TensorFlow, in eager mode."""
    subject = modes.build("eager", Config(), seed=1)
    for variable, array in zip(subject.trainable, weights[1], strict=True):
        variable.assign(array)
    return [float(subject.step(tf.constant(batch))) for batch in batches.in_order(rows, 64, 0, 50)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Starts a server of a framework when it is first asked for."""
    started = {}

    def server(framework):
        if framework not in started:
            started[framework] = peers.server(framework, tmp_path_factory.mktemp("logs"))
        return started[framework]

    yield server
    for found in started.values():
        found.close()


both = pytest.mark.parametrize("framework", [frameworks.JAX, frameworks.TORCH])


def prepared(server, case, path, folder):
    worker, _ = server.start_worker(folder / f"{case.mode}.log")
    request = protocol.Prepare(case=case, device="cpu", tf32=None, seed=1, weights=str(path))
    return worker, worker.ask(request, protocol.Prepared, LIMITS.first_call)


@pytest.mark.parametrize("case", ON_A_CPU, ids=lambda case: f"{case.framework}-{case.mode}")
def test_every_call_is_the_same_model_but_those_of_another_update(case, servers, weights, expected, eagerly, tmp_path):
    worker, answer = prepared(servers(case.framework), case, weights[0], tmp_path)
    checked = worker.ask(protocol.Check(steps=50), protocol.Checked, LIMITS.request)
    size = worker.ask(protocol.Calibrate(), protocol.Calibrated, LIMITS.request)
    sample = protocol.RunSample(steps=size.steps, warmup_steps=size.warmup_steps)
    done = worker.ask(sample, protocol.SampleDone, LIMITS.request)
    worker.end()
    result = same_model.compare(checked.losses, eagerly, "cpu", tf32=False)
    assert result.passed is is_same_model(case), (case.name, result)
    # Keras' own Adam is off the exact one by 6 millionths in its rate, which 50 steps make several times as much.
    exact = same_model.compare(checked.losses, expected, "cpu", tf32=False)
    assert (exact.largest_relative_difference < 1e-4) is is_same_model(case), (case.name, exact)
    assert (done.seconds > 0, done.traces <= 1) == (True, True), case.name
    assert size.steps % answer.steps_per_call == 0
    assert answer.model_bytes >= 3 * 4 * sum(map(np.prod, SHAPES))


@both
def test_it_loads_its_own_framework_and_no_other(framework, servers, weights, tmp_path):
    found = servers(framework)
    case = next(case for case in ON_A_CPU if case.framework == framework)
    worker, answer = prepared(found, case, weights[0], tmp_path)
    mapped = Path(f"/proc/{worker.pid}/maps").read_text()
    probe, _ = found.start_worker(tmp_path / "probe.log")
    probed = probe.ask(protocol.Probe(), protocol.Probed, LIMITS.first_call)
    for one in (worker, probe):
        one.end()
    others = {"jax": "jaxlib", "torch": "libtorch", "tensorflow": "libtensorflow"}
    assert others.pop(framework) in mapped
    assert not [name for name in others.values() if name in mapped]
    assert "cpu" in answer.device.lower()
    assert probed.framework == frameworks.TITLES[framework]
    assert probed.versions[framework]
    assert probed.facts["threads"].value >= 1


@both
def test_what_it_has_no_answer_for_is_not_among_its_answers(framework, servers):
    found = servers(framework)
    assert {"Prepare", "Check", "RunSample"} <= set(found.ready.answers)
    assert not {"TakeProfile", "Reconstruct", "Train"} & set(found.ready.answers)


@both
def test_without_first_weights_it_says_so(framework, servers, tmp_path):
    found = servers(framework)
    case = next(case for case in ON_A_CPU if case.framework == framework)
    worker, _ = found.start_worker(tmp_path / "without.log")
    request = protocol.Prepare(case=case, device="cpu", tf32=None, seed=1)
    with pytest.raises(WorkerFailed, match="first weights are to come from a file"):
        worker.ask(request, protocol.Prepared, LIMITS.first_call)
    worker.end()


def test_flags_that_a_worker_sets_reach_xla(servers, weights, tmp_path):
    case = under(ON_A_CPU[0], "XLA_FLAGS=--xla_no_such_flag=1")
    with pytest.raises(WorkerFailed, match="Unknown flag in XLA_FLAGS: --xla_no_such_flag=1"):
        prepared(servers(frameworks.JAX), case, weights[0], tmp_path)


@both
def test_it_has_as_many_threads_as_were_chosen_for_tensorflow(framework, tmp_path):
    found = peers.server(framework, tmp_path, {"TF_NUM_INTRAOP_THREADS": "1"})
    try:
        worker, _ = found.start_worker(tmp_path / "probe.log")
        probed = worker.ask(protocol.Probe(), protocol.Probed, LIMITS.first_call)
        worker.end()
    finally:
        found.close()
    assert probed.facts["threads"].value == 1


def test_the_first_weights_are_those_of_tensorflow(tmp_path, monkeypatch):
    """From the seed, in the order and shapes that the others take."""
    path = tmp_path / "weights.npz"
    monkeypatch.setattr(device, "start", lambda *arguments, **named: 0.0)  # this process has started TensorFlow
    request = protocol.SaveWeights(path=str(path), seed=3, device="cpu")
    handlers.HANDLERS[protocol.SaveWeights](handlers.State(data=None), request)
    keras.utils.set_random_seed(3)
    drawn = [variable.numpy() for variable in WORKLOAD.trainable(WORKLOAD.create(Config()))]
    for found, wanted in zip(peer._weights(str(path)), drawn, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert [array.shape for array in drawn] == SHAPES
