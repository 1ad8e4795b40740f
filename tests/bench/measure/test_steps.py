"""What a step counts of its own tracing: whatever makes XLA compile anew is a retracing first."""

import pytest
import tensorflow as tf

from autoencoder.config import Config
from bench.measure import steps


@pytest.mark.parametrize(("mode", "after"), [("eager", (0, 0)), ("function", (1, 2)), ("xla", (1, 2))])
def test_another_shape_is_counted_as_a_retracing(mode, after):
    subject = steps.build(mode, Config(), seed=1)
    subject.step(tf.zeros([64, 784]))
    subject.step(tf.ones([64, 784]))
    assert subject.traces() == after[0]
    subject.synchronise(subject.step(tf.zeros([32, 784])))
    assert subject.traces() == after[1]
