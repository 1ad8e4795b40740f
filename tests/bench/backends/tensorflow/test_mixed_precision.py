"""What is cast where, against NumPy with types of as few bits; and how the loss is scaled."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from support import oracle

from autoencoder import data
from autoencoder.config import Config
from bench.backends.tensorflow import mixed_precision, modes, pipelines
from bench.backends.tensorflow.mixed_precision import POLICIES, Policy
from bench.backends.tensorflow.workload import WORKLOAD
from bench.plan import precisions

SEED, STEPS = 1234, 20
SCALE = 2.0**15  # at the beginning: keras/src/optimizers/loss_scale_optimizer.py
TYPES = {precisions.MIXED_BFLOAT16: ml_dtypes.bfloat16, precisions.MIXED_FLOAT16: np.float16}
# Half the distance of 1 to the next number, of 8 and 11 bits.
ROUNDING = {precisions.MIXED_BFLOAT16: 2**-9, precisions.MIXED_FLOAT16: 2**-12}


@pytest.fixture(scope="module")
def prepared():
    return WORKLOAD.prepare(data.load("sample"))


@pytest.fixture(autouse=True)
def remapping():
    """On again, whatever a step in float16 has switched off."""
    yield
    tf.config.optimizer.set_experimental_options({"remapping": True})


def cast_forward(values, x, kind):
    """Activations in float64 of a forward pass whose every result is rounded to `kind`, sums of products aside."""
    rounded = {name: value.astype(kind).astype(float) for name, value in values.items()}
    activations = [x.astype(kind).astype(float)]
    for weight, bias in oracle.LAYERS:
        product = (activations[-1] @ rounded[weight]).astype(kind).astype(float)
        added = (product + rounded[bias]).astype(kind).astype(float)
        activations.append(oracle.sigmoid(added).astype(kind).astype(float))
    return activations


def cast_train(values, batches, kind, scale=SCALE):
    """Losses of a training as the page says it: float32 weights, the forward pass and its gradients in `kind`."""
    adam, losses = oracle.Adam(), []
    for x in batches:
        activations = cast_forward(values, x, kind)
        losses.append(np.mean((x - activations[-1]) ** 2))
        delta = (scale * 2.0 * (activations[-1] - x) / x.size).astype(kind).astype(float)
        slopes = {}
        for (weight, bias), before, after in zip(
            reversed(oracle.LAYERS), activations[-2::-1], activations[:0:-1], strict=True
        ):
            delta = (delta * after * (1.0 - after)).astype(kind).astype(float)
            slopes[weight] = (before.T @ delta).astype(kind).astype(float) / scale
            slopes[bias] = delta.sum(axis=0).astype(kind).astype(float) / scale
            delta = (delta @ values[weight].astype(kind).astype(float).T).astype(kind).astype(float)
        adam.update(values, slopes)
    return losses


def first_values(subject):
    weights, biases = subject.parameters.weights, subject.parameters.biases
    return {name: variable.numpy().astype(float) for name, variable in {**weights, **biases}.items()}


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize("mode", ["eager", "function", "xla"])
def test_every_mode_trains_as_the_oracle_does_with_these_types(mode, precision, prepared):
    subject = modes.build(mode, Config(), SEED, prepared, precision=precision)
    values = first_values(subject)
    batches = [batch.numpy().astype(float) for batch in pipelines.fixed_batches(prepared, Config(), STEPS)]
    expected = cast_train(values, batches, TYPES[precision])
    found = [float(subject.step(batch)) for batch in pipelines.fixed_batches(prepared, Config(), STEPS)]
    # A loss is a mean over many roundings. XLA keeps more bits between operations than the oracle.
    assert np.max(np.abs(np.divide(found, expected) - 1)) < 2 * ROUNDING[precision]
    assert all(variable.dtype == tf.float32 for variable in subject.trainable)


class Kept:
    """An optimizer that keeps the gradients of a step, and moves nothing."""

    def scale_loss(self, loss):
        return loss * SCALE

    def apply_gradients(self, pairs):
        self.gradients = [gradient for gradient, _ in pairs]


def gradients(policy, prepared):
    """By name, those of a step under a policy, and the oracle's in float64."""
    subject, kept = modes.build("eager", Config(), SEED, prepared), Kept()
    batch = tf.concat(list(pipelines.fixed_batches(prepared, Config(), 4)), 0)
    mixed_precision.optimise(policy, subject.parameters, kept, batch)
    values = first_values(subject)
    return dict(zip(values, kept.gradients, strict=True)), oracle.gradients(values, batch.numpy().astype(float))


@pytest.mark.parametrize("precision", TYPES)
def test_gradients_have_as_few_bits_and_come_in_float32(precision, prepared):
    """Each is a number of the compute type, and the oracle's but for some roundings."""
    found, exact = gradients(POLICIES[precision], prepared)
    scale = SCALE if POLICIES[precision].scales_loss else 1.0
    for name, gradient in found.items():
        assert gradient.dtype == tf.float32
        np.testing.assert_array_equal(gradient, gradient.numpy().astype(TYPES[precision]).astype(np.float32))
        worst = np.abs(gradient.numpy() / scale - exact[name]).max() / np.abs(exact[name]).max()
        assert 0 < worst < 0.02, name  # of float16 the sum over rows too, whose roundings add up


def test_without_scaling_float16_loses_gradients(prepared):
    """Why it is scaled: those of the first layer are below its smallest number."""
    found, exact = gradients(Policy(tf.float16), prepared)
    assert np.any(exact["encoder_h1"])
    assert not np.any(found["encoder_h1"])


@pytest.mark.parametrize("precision", TYPES)
def test_products_and_sigmoids_are_of_the_compute_type_and_the_loss_of_float32(precision, prepared):
    subject = modes.build("function", Config(), SEED, prepared, precision=precision)
    (batch,) = pipelines.fixed_batches(prepared, Config(), 1)
    operations = subject.step.get_concrete_function(batch).graph.get_operations()

    def types(kind):
        return [operation.get_attr("T") for operation in operations if operation.type == kind]

    # Of each of four layers the product, by its weights, and by its input except of the first.
    assert types("MatMul") == [POLICIES[precision].compute] * (4 + 4 + 3)
    assert types("Sigmoid") == [POLICIES[precision].compute] * 4
    assert types("SigmoidGrad") == [POLICIES[precision].compute] * 4
    assert set(types("Mean") + types("Pow") + types("Sqrt")) == {tf.float32}


@pytest.mark.parametrize("scales_loss", [False, True])
def test_in_float32_the_policy_is_the_workloads_own_step(scales_loss, prepared):
    config, policy = Config(), Policy(tf.float32, scales_loss)
    plain = modes.build("function", config, SEED, prepared)
    cast = modes.build("function", config, SEED, prepared)
    optimizer = mixed_precision.create_optimizer(policy, cast.parameters, config)
    for batch in pipelines.fixed_batches(prepared, config, STEPS):
        loss = mixed_precision.optimise(policy, cast.parameters, optimizer, batch)
        assert float(loss) == pytest.approx(float(plain.step(batch)), rel=1e-5)


@pytest.mark.parametrize("mode", ["function", "xla"])
def test_a_gradient_that_is_not_finite_is_skipped_and_halves_the_scale(mode):
    subject = modes.build(mode, Config(), SEED, precision=precisions.MIXED_FLOAT16)
    scale = next(one for one in subject.optimizer_variables if one.name == "dynamic_scale")
    moment = next(one for one in subject.optimizer_variables if "momentum" in one.path)
    before = first_values(subject)
    assert float(scale) == SCALE
    subject.step(tf.fill([4, 784], 1e5))  # no number of float16 is as large
    assert float(scale) == SCALE / 2
    for name, value in first_values(subject).items():
        np.testing.assert_array_equal(value, before[name])
    subject.step(tf.fill([4, 784], 0.5))
    assert float(scale) == SCALE / 2
    assert np.any(moment.numpy())
    assert any(np.any(value != before[name]) for name, value in first_values(subject).items())


def test_only_float16_scales_its_loss():
    assert [name for name, policy in POLICIES.items() if policy.scales_loss] == [precisions.MIXED_FLOAT16]


@pytest.mark.parametrize("mode", ["xla-loop", "function-fused", "keras-fit"])
def test_a_mode_in_which_nothing_is_cast_is_refused(mode, prepared):
    with pytest.raises(ValueError, match=f"{mode} is not run in mixed precision. Known: eager, function, xla"):
        modes.build(mode, Config(), SEED, prepared, precision=precisions.MIXED_BFLOAT16)


def test_devices_share_no_step_in_mixed_precision(prepared):
    with pytest.raises(ValueError, match="mixed_bfloat16: devices share a step in float32 only"):
        modes.build("function", Config(), SEED, prepared, replicas=object(), precision=precisions.MIXED_BFLOAT16)


def test_graphs_on_a_cpu_fuse_no_products_in_float16():
    modes.build("function", Config(), SEED, precision=precisions.MIXED_FLOAT16)
    assert tf.config.optimizer.get_experimental_options()["remapping"] is False


@pytest.mark.parametrize("precision", [precisions.MIXED_BFLOAT16, precisions.FLOAT32])
def test_other_types_are_fused_as_ever(precision):
    modes.build("function", Config(), SEED, precision=precision)
    assert tf.config.optimizer.get_experimental_options().get("remapping") in (None, True)
