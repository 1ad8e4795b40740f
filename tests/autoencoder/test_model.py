"""The model against plain NumPy."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import oracle, patience

from autoencoder import data, model, training
from autoencoder.config import Config

BATCH = 64


@pytest.fixture
def parameters():
    keras.utils.set_random_seed(7)
    return model.create_parameters(Config())


def as_float64(parameters):
    variables = {**parameters.weights, **parameters.biases}
    return {name: variable.numpy().astype(np.float64) for name, variable in variables.items()}


@pytest.fixture(scope="module")
def rows():
    return data.prepare(data.load("sample").train_images)


def batches(rows, count):
    return [rows[i * BATCH : (i + 1) * BATCH] for i in range(count)]


def test_config_is_the_notebooks():
    assert Config() == Config(784, 0.01, 5000, 64, 128, 64)
    assert Config().display_step == 500.0


def test_shapes_and_types(parameters):
    shapes = {name: tuple(v.shape) for name, v in {**parameters.weights, **parameters.biases}.items()}
    assert shapes == {
        "encoder_h1": (784, 128),
        "encoder_h2": (128, 64),
        "decoder_h1": (64, 128),
        "decoder_h2": (128, 784),
        "encoder_b1": (128,),
        "encoder_b2": (64,),
        "decoder_b1": (128,),
        "decoder_b2": (784,),
    }
    assert {v.dtype for v in model.trainable_variables(parameters)} == {tf.float32}


def test_initial_values_are_normal_with_deviation_a_twentieth(parameters):
    values = parameters.weights["encoder_h1"].numpy()
    assert abs(values.mean()) < 5 * 0.05 / np.sqrt(values.size)
    assert values.std() == pytest.approx(0.05, rel=0.02)


def test_one_initializer_gives_equal_shapes_equal_values(parameters):
    np.testing.assert_array_equal(parameters.biases["encoder_b1"], parameters.biases["decoder_b1"])


def test_forward_and_loss_agree_with_numpy(parameters, rows):
    x = rows[:BATCH]
    values = as_float64(parameters)
    encoded = model.encoder(parameters, tf.constant(x))
    reconstructed = model.decoder(parameters, encoded)
    activations = oracle.forward(values, x.astype(np.float64))
    np.testing.assert_allclose(encoded, activations[2], rtol=1e-5)
    np.testing.assert_allclose(reconstructed, activations[4], rtol=1e-5)
    assert float(model.mean_square(reconstructed, x)) == pytest.approx(oracle.loss(values, x), rel=1e-5)


def test_oracle_gradients_agree_with_finite_differences(parameters, rows):
    values, x = as_float64(parameters), rows[:4].astype(np.float64)
    slopes = oracle.gradients(values, x)
    for name, index in [("encoder_h1", (300, 5)), ("decoder_h2", (7, 400)), ("encoder_b2", (3,)), ("decoder_b2", (9,))]:
        original, epsilon = values[name][index], 1e-5
        values[name][index] = original + epsilon
        above = oracle.loss(values, x)
        values[name][index] = original - epsilon
        below = oracle.loss(values, x)
        values[name][index] = original
        assert slopes[name][index] == pytest.approx((above - below) / (2 * epsilon), rel=1e-4, abs=1e-12)


def test_gradients_agree_with_numpy(parameters, rows):
    x = tf.constant(rows[:BATCH])
    with tf.GradientTape() as tape:
        loss = model.mean_square(model.decoder(parameters, model.encoder(parameters, x)), x)
    variables = {**parameters.weights, **parameters.biases}
    expected = oracle.gradients(as_float64(parameters), rows[:BATCH].astype(np.float64))
    for name, gradient in zip(variables, tape.gradient(loss, list(variables.values())), strict=True):
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-3, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("mode", training.MODES)
def test_training_agrees_with_numpy(parameters, rows, mode):
    values = as_float64(parameters)
    step = training.make_step(parameters, training.create_optimizer(parameters, Config()), mode)
    losses = [float(step(tf.constant(batch))) for batch in batches(rows, 10)]
    np.testing.assert_allclose(losses, oracle.train(values, batches(rows, 10)), rtol=1e-5)


def test_eager_function_and_xla_are_the_same_model(rows):
    losses = {}
    for mode in training.MODES:
        keras.utils.set_random_seed(3)
        parameters = model.create_parameters(Config())
        step = training.make_step(parameters, training.create_optimizer(parameters, Config()), mode)
        losses[mode] = [float(step(tf.constant(rows[i * 8 : i * 8 + BATCH]))) for i in range(50)]
    np.testing.assert_allclose(losses["function"], losses["eager"], rtol=1e-5)
    np.testing.assert_allclose(losses["xla"], losses["eager"], rtol=1e-5)


def test_only_xla_is_compiled_by_xla(parameters, rows):
    for mode, compiled in (("function", False), ("xla", True)):
        step = training.make_step(parameters, training.create_optimizer(parameters, Config()), mode)
        attributes = step.get_concrete_function(tf.constant(rows[:BATCH])).function_def.attr
        assert attributes["_XlaMustCompile"].b is compiled


def test_float32_whatever_keras_is_set_to():
    keras.backend.set_floatx("float64")
    try:
        assert model.create_parameters(Config()).weights["encoder_h1"].dtype == tf.float32
    finally:
        keras.backend.set_floatx("float32")


def test_functions_are_traced_once(rows):
    parameters = model.create_parameters(Config())
    step = training.make_step(parameters, training.create_optimizer(parameters, Config()), "function")
    for batch in batches(rows, 3):
        step(tf.constant(batch))
    assert step.experimental_get_tracing_count() == 1


INERT = """
import tensorflow as tf
config = tf.compat.v1.ConfigProto()
config.gpu_options.allow_growth = True
config.gpu_options.per_process_gpu_memory_fraction = 0.9
tf.compat.v1.enable_eager_execution(config=config)
tf.constant(1.0)
from tensorflow.python.eager import context
options = context.context().config.gpu_options
print(options.allow_growth, options.per_process_gpu_memory_fraction)
"""


def test_the_notebooks_config_proto_is_inert():
    done = subprocess.run(
        [sys.executable, "-c", INERT], capture_output=True, text=True, timeout=patience.limit(120), check=True
    )
    assert done.stdout.split() == ["False", "0.0"]
