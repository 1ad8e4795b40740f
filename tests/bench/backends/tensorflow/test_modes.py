"""Every way to run the optimisation is the same one; and what a step counts of its own tracing."""

import numpy as np
import pytest
import tensorflow as tf
from support import hlo, oracle

from autoencoder import data
from autoencoder.config import Config
from bench.backends.tensorflow import fused_adam, modes, pipelines
from bench.backends.tensorflow.workload import WORKLOAD
from bench.measure import same_model

SEED, STEPS = 1234, 50


@pytest.fixture(scope="module")
def prepared():
    return WORKLOAD.prepare(data.load("sample"))


def losses(mode, prepared):
    """Of the first steps on the batches in order, as a worker collects them."""
    config = Config()
    subject = modes.build(mode, config, SEED, prepared)
    inputs = modes.fixed_inputs(subject, prepared, config, 0, 2 * subject.steps_per_call)
    found = [float(loss) for call in modes.first_call(subject, inputs).losses for loss in call.numpy().ravel()]
    for put_in in modes.fixed_inputs(subject, prepared, config, len(found) * subject.mean_of, STEPS):
        found += subject.step(put_in).numpy().ravel().tolist()
    return found, subject


@pytest.fixture(scope="module")
def truth(prepared):
    """The losses by the NumPy oracle in float64, from the same first weights."""
    parameters = modes.build("eager", Config(), SEED).parameters
    values = {name: v.numpy().astype(float) for name, v in {**parameters.weights, **parameters.biases}.items()}
    batches = [batch.numpy() for batch in pipelines.fixed_batches(prepared, Config(), STEPS)]
    return oracle.train(values, batches)


@pytest.mark.parametrize("mode", sorted({*modes.STEPS, *modes.SELF_FED}))
def test_every_way_is_the_same_optimisation(mode, prepared, truth):
    found, subject = losses(mode, prepared)
    assert len(found) * subject.mean_of == STEPS
    # Keras' own Adam is off the exact one by 6 millionths in its rate, which 50 steps make five times as much.
    check = same_model.compare(found, truth, "cpu", tf32=False, mean_of=subject.mean_of)
    assert check.largest_relative_difference < 1e-4
    assert subject.model_bytes == pytest.approx(3 * 4 * 218_192, abs=64)


@pytest.mark.parametrize("mode", [name for name in modes.SELF_FED if "loop" in name])
def test_a_loop_does_its_steps_and_leaves_the_same_weights(mode, prepared):
    config = Config()
    subject, eager = (modes.build(name, config, SEED, prepared) for name in (mode, "function"))
    for put_in in modes.fixed_inputs(subject, prepared, config, 0, STEPS):
        subject.step(put_in)
    for batch in pipelines.fixed_batches(prepared, config, STEPS):
        eager.step(batch)
    for name, weight in eager.parameters.weights.items():
        np.testing.assert_allclose(subject.parameters.weights[name], weight, rtol=0, atol=1e-4)


def test_what_feeds_itself_goes_on_for_ever(prepared):
    """Over the end of the set: 2,000 images are two calls and a half."""
    subject = modes.build("function-loop", Config(), SEED, prepared)
    found = [subject.step(subject.next_input()).numpy() for _ in range(6)]
    assert np.isfinite(found).all()
    assert found[-1].mean() < found[0].mean()
    assert subject.traces() == 1


def test_the_fused_adam_is_keras_adam_and_the_oracles():
    generator = np.random.default_rng(1)
    first, slopes = generator.normal(size=(7, 3)), generator.normal(size=(20, 7, 3))
    fused, other = (tf.Variable(first, dtype=tf.float32) for _ in range(2))
    adam, keras = fused_adam.FusedAdam([fused], 0.01), tf.optimizers.Adam(0.01)
    exact, values = oracle.Adam(), {"w": first}
    for slope in slopes:
        gradient = tf.constant(slope, tf.float32)
        adam.apply_gradients([(gradient, fused)])
        keras.apply_gradients([(gradient, other)])
        exact.update(values, {"w": slope})
    moved = np.abs(values["w"] - first).max()
    assert np.abs(fused.numpy() - other.numpy()).max() < 1e-6 * moved + 2e-7
    assert np.abs(fused.numpy() - values["w"]).max() < 2e-5 * moved


def test_one_that_feeds_itself_needs_data():
    with pytest.raises(ValueError, match="needs data"):
        modes.build("xla-loop", Config(), SEED)


@pytest.mark.parametrize(("mode", "after"), [("eager", (0, 0)), ("function", (1, 2)), ("xla", (1, 2))])
def test_another_shape_is_counted_as_a_retracing(mode, after):
    subject = modes.build(mode, Config(), seed=1)
    subject.step(tf.zeros([64, 784]))
    subject.step(tf.ones([64, 784]))
    assert subject.traces() == after[0]
    subject.synchronise(subject.step(tf.zeros([32, 784])))
    assert subject.traces() == after[1]


@pytest.mark.parametrize("mode", ["xla-loop", "xla-loop-fused"])
def test_xla_knows_how_many_steps_a_call_does(mode, prepared):
    """A loop whose count it does not know waits for the host at every turn on a GPU."""
    config = Config()
    subject = modes.build(mode, config, SEED, prepared)
    (place,) = modes.fixed_inputs(subject, prepared, config, 0, subject.steps_per_call)
    assert hlo.trip_counts(subject.step, place) == [subject.steps_per_call]


def test_of_a_loop_that_autograph_makes_xla_knows_no_count():
    """Why the suite makes its loops by hand; where this fails, it need not any more."""

    def turns(x):
        for _ in tf.range(25):
            x = x * 0.5
        return x

    assert hlo.trip_counts(tf.function(turns, jit_compile=True), tf.ones([2])) == [None]
