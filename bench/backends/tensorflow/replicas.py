"""Devices that share a step by tf.distribute: each has a copy of the model, and its rows of every batch."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from bench.plan import strategies

_SUM = tf.distribute.ReduceOp.SUM


@dataclass(frozen=True)
class Replicas:
    """The replicas of a model, one on each device: `count` in all processes, of which this one has `local`.

    Those of this process are numbers `first` to `first + local - 1`.
    """

    strategy: tf.distribute.Strategy
    count: int
    first: int
    local: int

    @property
    def devices(self) -> tuple[str, ...]:
        """This process's, as TensorFlow names them."""
        return tuple(self.strategy.extended.worker_devices)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the function gives on every device of this process, as one distributed value; inside of a graph."""
        return self.strategy.run(function, args=arguments)

    def values(self, of_replica: Callable[[int], tf.Tensor]) -> Any:
        """One value for each device of this process, lying there, by the number of its replica."""

        def on_its_device(context: Any) -> tf.Tensor:
            number = context.replica_id_in_sync_group
            with tf.device(self.devices[number - self.first]):
                return tf.identity(of_replica(number))

        return self.strategy.experimental_distribute_values_from_function(on_its_device)

    def parts(self, value: Any) -> tuple[Any, ...]:
        """A distributed value's, of the devices of this process."""
        parts: tuple[Any, ...] = self.strategy.experimental_local_results(value)
        return parts

    def mean(self, value: Any) -> tf.Tensor:
        """Of a scalar over the devices of this process, on the first of them."""
        with tf.device(self.devices[0]):
            return tf.reduce_mean(tf.stack(self.parts(value)))


def reduced(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The sums of these over all replicas: to be called on a replica."""
    # The engine asks where they lie, and what is handed in from outside of a graph has no device there.
    placed = [tf.identity(value) for value in values]
    summed: list[tf.Tensor] = tf.distribute.get_replica_context().all_reduce(_SUM, placed)
    return summed


def mirrored(kind: str, count: int) -> Replicas:
    """On so many devices of this process, of a kind: cpu or gpu."""
    strategy = tf.distribute.MirroredStrategy([f"/{kind.upper()}:{number}" for number in range(count)])
    return _checked(Replicas(strategy, count, 0, count))


def joined(rank: int, addresses: Sequence[str], timeout_seconds: float) -> Replicas:
    """One replica on this process's device among those of all ranks; waits until they are there.

    TensorFlow's server listens on all interfaces: grpc_server_lib.cc binds 0.0.0.0, whatever the address says. A
    collective operation that not all take part in fails after `timeout_seconds`; without that it would never end.
    """
    os.environ["TF_CONFIG"] = json.dumps(
        {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": rank}}
    )
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=timeout_seconds)
    strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    return _checked(Replicas(strategy, len(addresses), rank, 1))


def of(strategy: str, kind: str, devices: int) -> Replicas | None:
    """Those of one process, None for a single device."""
    return mirrored(kind, devices) if strategy == strategies.MIRRORED else None


def _checked(replicas: Replicas) -> Replicas:
    """Raise RuntimeError where the engine took other devices than it was told of."""
    found, own = replicas.strategy.num_replicas_in_sync, len(replicas.devices)
    if (found, own) != (replicas.count, replicas.local):
        raise RuntimeError(
            f"tf.distribute has {found} replicas, {own} of them here: {replicas.count} and {replicas.local} were meant"
        )
    return replicas
