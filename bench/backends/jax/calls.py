"""How a step is called in JAX: compiled by `jax.jit`, with donated buffers, or many in one call by `lax.scan`."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.backends.backend import STEPS_PER_CALL
from bench.backends.jax import device, model
from bench.backends.jax.model import Step
from bench.backends.peer import Call, Setting

_INDEX_BYTES = 4


class _Carrier:
    """A compiled pure function, and the state that it is given and gives back."""

    def __init__(self, begin: Any, function: Callable[[Any, Any], tuple[Any, jax.Array]], donated: bool) -> None:
        self.state = begin
        self.traces = 0

        def counted(state: Any, put_in: Any) -> tuple[Any, jax.Array]:
            self.traces += 1  # Python runs this when JAX traces, and not when the compiled function is called
            return function(state, put_in)

        self._function = jax.jit(counted, donate_argnums=(0,) if donated else ())

    def step(self, put_in: Any) -> jax.Array:
        self.state, found = self._function(self.state, put_in)
        return found

    def trace(self, put_in: Any) -> None:
        self._function.trace(self.state, put_in)

    def synchronise(self, found: jax.Array) -> None:
        jax.block_until_ready((found, self.state))


def _call(carrier: _Carrier, **other: Any) -> Call:
    return Call(
        step=carrier.step,
        synchronise=carrier.synchronise,
        wait_for=lambda found: np.asarray(found),  # on the host, where the others read it too
        losses=np.asarray,
        place=device.place,
        traces=lambda: carrier.traces,
        trace=carrier.trace,
        compiled=True,
        state_bytes=sum(int(leaf.nbytes) for leaf in jax.tree.leaves(carrier.state)),
        **other,
    )


def _keras(donated: bool) -> Callable[[Setting], Call]:
    def build(setting: Setting) -> Call:
        step = model.keras_step(setting.config.learning_rate)
        return _call(_Carrier(model.initial(setting.weights), step, donated))

    return build


def _optax(setting: Setting) -> Call:
    begin, step = model.optax_step(setting.config.learning_rate)
    return _call(_Carrier(begin(setting.weights), step, donated=True))


def _scan(steps: int) -> Callable[[Setting], Call]:
    """So many steps in a call, each gathering its batch from the training rows on the device, as TensorFlow's loops."""

    def build(setting: Setting) -> Call:
        # The rows are an argument: as a constant, hundreds of megabytes would be compiled into the function.
        rows, size = jax.device_put(setting.rows), setting.config.batch_size
        many = _scanned(model.keras_step(setting.config.learning_rate), steps, size)
        return _call(
            _Carrier(model.initial(setting.weights), many, donated=True),
            steps_per_call=steps,
            next_input=_shuffled(rows, size * steps),
            fixed_inputs=lambda start, stop: _in_order(rows, size, range(start, stop, steps)),
            bus_bytes=_INDEX_BYTES * size,
        )

    return build


def _scanned(once: Step, steps: int, size: int) -> Callable[[Any, Any], tuple[Any, jax.Array]]:
    """Of a state and rows, an order of them and where in it to begin: the state after so many steps, and all losses."""

    def many(state: Any, given: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
        rows, order, start = given

        def turn(state: Any, number: jax.Array) -> tuple[Any, jax.Array]:
            places = (start + number * size + jnp.arange(size)) % len(rows)
            return once(state, jnp.take(rows, jnp.take(order, places, mode="clip"), axis=0, mode="clip"))

        found: tuple[Any, jax.Array] = jax.lax.scan(turn, state, jnp.arange(steps))
        return found

    return many


def _shuffled(rows: jax.Array, examples: int) -> Callable[[], Any]:
    """What goes into calls that take so many examples each: every row once, in random order, and again."""

    def inputs() -> Iterator[Any]:
        random = np.random.default_rng()
        while True:
            order = jax.device_put(random.permutation(len(rows)).astype(np.int32))
            for start in range(0, len(rows), examples):
                yield rows, order, jax.device_put(np.int32(start))

    generator = inputs()
    return lambda: next(generator)


def _in_order(rows: jax.Array, size: int, steps: range) -> Iterator[Any]:
    order = jax.device_put(np.arange(len(rows), dtype=np.int32))
    for step in steps:
        yield rows, order, jax.device_put(np.int32(step * size % len(rows)))


CALLS: dict[str, Callable[[Setting], Call]] = {
    "jit": _keras(donated=False),
    "jit-donated": _keras(donated=True),
    "scan-1": _scan(1),
    "scan-25": _scan(STEPS_PER_CALL),
    "jit-optax": _optax,
}
