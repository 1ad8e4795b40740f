"""The workload's step in JAX: the network, its loss, Keras' Adam, and the state that a step makes anew."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bench.backends.keras_adam import BETA_1, BETA_2, EPSILON
from bench.backends.peer import Weights

Arrays = tuple[jax.Array, ...]

Step = Callable[[Any, jax.Array], tuple[Any, jax.Array]]
"""State and batch (rows, features) in; the state after the update and the loss before it out. Pure."""


class State(NamedTuple):
    """The model and what Adam keeps: parameters in the order of peer.Weights, moments of each, updates so far."""

    parameters: Arrays
    first: Arrays
    second: Arrays
    updates: jax.Array  # int32


def initial(weights: Weights) -> State:
    """The state before the first update, on the device."""
    parameters = tuple(jax.device_put(weight) for weight in weights)
    zeros = tuple(jnp.zeros_like(parameter) for parameter in parameters)
    return State(parameters, zeros, tuple(jnp.zeros_like(zero) for zero in zeros), jnp.zeros([], jnp.int32))


def loss(parameters: Arrays, batch: jax.Array) -> jax.Array:
    """Mean over all pixels of the squared difference between a batch and its reconstruction."""
    weights, biases = parameters[:4], parameters[4:]
    activations = batch
    for weight, bias in zip(weights, biases, strict=True):
        activations = jax.nn.sigmoid(activations @ weight + bias)
    return jnp.mean((batch - activations) ** 2)


def keras_step(learning_rate: float) -> Step:
    """A step with Keras' Adam (bench/backends/keras_adam.py)."""

    def step(state: State, batch: jax.Array) -> tuple[State, jax.Array]:
        found, gradients = jax.value_and_grad(loss)(state.parameters, batch)
        updates = state.updates + 1
        count = updates.astype(jnp.float32)
        one, two = jnp.float32(BETA_1) ** count, jnp.float32(BETA_2) ** count
        rate = learning_rate * jnp.sqrt(1 - two) / (1 - one)
        first = tuple(m + (g - m) * (1 - BETA_1) for m, g in zip(state.first, gradients, strict=True))
        second = tuple(v + (g * g - v) * (1 - BETA_2) for v, g in zip(state.second, gradients, strict=True))
        parameters = tuple(
            w - m * rate / (jnp.sqrt(v) + EPSILON) for w, m, v in zip(state.parameters, first, second, strict=True)
        )
        return State(parameters, first, second, updates), found

    return step


def optax_step(learning_rate: float) -> tuple[Callable[[Weights], Any], Step]:
    """The same with Optax's Adam, which is another update: how its state begins, and a step."""
    adam = optax.adam(learning_rate, b1=BETA_1, b2=BETA_2, eps=EPSILON)

    def begin(weights: Weights) -> Any:
        parameters = tuple(jax.device_put(weight) for weight in weights)
        return parameters, adam.init(parameters)

    def step(state: Any, batch: jax.Array) -> tuple[Any, jax.Array]:
        parameters, kept = state
        found, gradients = jax.value_and_grad(loss)(parameters, batch)
        changes, kept = adam.update(gradients, kept, parameters)
        return (optax.apply_updates(parameters, changes), kept), found

    return begin, step
