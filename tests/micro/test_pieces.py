"""Single pieces in-process: one step of each mode, one batch of each pipeline, encoding and decoding."""

import pytest
import tensorflow as tf

from autoencoder import model
from autoencoder.config import Config
from bench.backends.tensorflow import modes, pipelines


@pytest.mark.parametrize("subject", list(modes.STEPS), indirect=True)
def test_one_step(benchmark, subject, batch):
    benchmark(lambda: subject.synchronise(subject.step(batch)))


@pytest.mark.parametrize("name", list(pipelines.PIPELINES))
def test_one_batch(benchmark, prepared, name):
    next_batch = pipelines.PIPELINES[name](prepared, Config(), "/CPU:0")
    next_batch()
    assert benchmark(next_batch).shape == (64, 784)


def test_encode(benchmark, batch):
    parameters = model.create_parameters(Config())
    assert benchmark(lambda: model.encoder(parameters, batch).numpy()).shape == (64, 64)


def test_decode(benchmark, batch):
    parameters = model.create_parameters(Config())
    encoded = model.encoder(parameters, batch)
    assert benchmark(lambda: model.decoder(parameters, encoded).numpy()).shape == (64, 784)


def test_forward_eagerly(benchmark, batch):
    parameters = model.create_parameters(Config())
    benchmark(lambda: _loss(parameters, batch).numpy())


def test_forward_and_gradients_eagerly(benchmark, batch):
    parameters = model.create_parameters(Config())

    def gradients():
        with tf.GradientTape() as tape:
            loss = _loss(parameters, batch)
        return tape.gradient(loss, model.trainable_variables(parameters))[-1].numpy()

    assert benchmark(gradients).shape == (784,)


def _loss(parameters, batch):
    return model.mean_square(model.decoder(parameters, model.encoder(parameters, batch)), batch)
