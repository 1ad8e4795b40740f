"""Trainings from several seeds, in a worker: from which weights, on which batches, and in which precision."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from autoencoder import data
from autoencoder.config import Config
from bench import protocol
from bench.backends.tensorflow import handlers, modes
from bench.backends.tensorflow.handlers import State
from bench.backends.tensorflow.workload import WORKLOAD
from bench.experiments.precision import figures, worker
from bench.plan.case import Case

SEED = 1234


@pytest.fixture(scope="module")
def prepared():
    return WORKLOAD.prepare(data.load("sample"))


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(figures, "TRAINED_STEPS", 40)
    monkeypatch.setattr(figures, "LAST_STEPS", 5)


def state_of(prepared, precision, mode="function"):
    state = State(prepared)
    case = Case(experiment="precision", axes=("precision", "batch_size", "mode"), precision=precision, mode=mode)
    handlers.HANDLERS[protocol.Prepare](state, protocol.Prepare(case=case, device="cpu", tf32=None, seed=SEED))
    return state


def measure(state, repetition):
    request = protocol.Measure(
        experiment="precision", name=figures.LOSSES, device="cpu", tf32=None, seed=SEED, repetition=repetition
    )
    return worker.MEASUREMENTS[figures.LOSSES](state, request)


def expected(prepared, seed, steps):
    """Of a model of its own, in float32."""
    subject = modes.build("function", Config(), seed, prepared)
    order = np.random.default_rng(seed).permutation(len(prepared.x_train))
    batches = (prepared.x_train[order[64 * i : 64 * (i + 1)]] for i in range(steps))
    return np.mean([float(subject.step(tf.constant(batch))) for batch in batches][-5:])


def test_each_training_begins_anew_from_its_seed(prepared, monkeypatch):
    monkeypatch.setattr(figures, "TRAINED_STEPS", 31)  # within the set
    state = state_of(prepared, "float32")
    subject, next_batch = state.prepared()
    for _ in range(3):
        subject.step(next_batch())
    found = measure(state, repetition=3)
    assert list(found) == ["seed_1240_loss", "seed_1241_loss", "seed_1242_loss"]
    for seed in (1240, 1241, 1242):
        assert found[figures.of_seed(seed)] == pytest.approx(expected(prepared, seed, 31), rel=1e-5)
    assert measure(state, repetition=3) == pytest.approx(found, rel=1e-5)


def test_no_seed_is_in_two_repetitions(prepared, monkeypatch):
    monkeypatch.setattr(worker, "_train", lambda state, seed: 0.1)
    state = State(prepared)
    seeds = [name for number in range(1, 17) for name in measure(state, number)]
    assert len(set(seeds)) == 16 * figures.SEEDS
    assert seeds[0] == figures.of_seed(SEED)


def test_nothing_is_traced_anew_for_it(prepared):
    state = state_of(prepared, "mixed_bfloat16", "xla")
    measure(state, repetition=1)
    assert state.prepared()[0].traces() == 1


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_it_is_trained_in_the_precision_of_its_case(prepared, precision):
    cast, plain = (measure(state_of(prepared, name, "xla"), repetition=1) for name in (precision, "float32"))
    for name, loss in cast.items():
        assert loss == pytest.approx(plain[name], rel=0.05)
        assert loss != plain[name]
    tf.config.optimizer.set_experimental_options({"remapping": True})


def test_losses_that_are_no_numbers_are_a_reason(prepared, monkeypatch):
    monkeypatch.setattr(worker, "_train", lambda state, seed: float("nan") if seed == SEED else 0.1)
    found = measure(State(prepared), repetition=1)
    assert found.pop("seed_1234_loss") == "from seed 1234 losses are not numbers"
    assert set(found.values()) == {0.1}


def test_where_steps_are_slow_fewer_seeds_have_to_do(prepared, monkeypatch):
    times = iter([0.0, 1.0, figures.ENOUGH_SECONDS - 1, figures.ENOUGH_SECONDS + 1])
    monkeypatch.setattr(worker, "_train", lambda state, seed: 0.1)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: next(times)))
    assert list(measure(State(prepared), repetition=1)) == ["seed_1234_loss", "seed_1235_loss"]


def test_a_set_that_is_used_up_begins_again_in_another_order(prepared):
    state = state_of(prepared, "float32")
    rows = np.concatenate(list(worker._batches(state, 7)))
    assert rows.shape == (40 * 64, 784)
    count = len(prepared.x_train)
    first = np.random.default_rng(7).permutation(count)
    np.testing.assert_array_equal(rows[:count], prepared.x_train[first])
    assert not np.array_equal(rows[count:], prepared.x_train[first[: len(rows) - count]])


def test_what_needs_a_prepared_worker_says_so(prepared):
    with pytest.raises(RuntimeError, match="not prepared"):
        State(prepared).afresh(1)


def test_tf32_is_not_taken_for_granted(prepared):
    with pytest.raises(RuntimeError, match="TF32 was asked for, and this device has none"):
        state_of(prepared, "tf32")
