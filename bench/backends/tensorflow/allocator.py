"""Memory policies inside a worker: apply one before TensorFlow starts its GPU, and read back what is applied."""

import os
from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.eager import context

from bench.plan.memory_policy import Policy
from bench.results.record import AppliedPolicy

# Each overrides what a program asks for, or what the default leaves free.
OVERRIDES = ("TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TF_DEVICE_MIN_SYS_MEMORY_IN_MB")


class PolicyConflict(RuntimeError):
    """The policy cannot take effect in this process; the text says why."""


def apply(policy: Policy) -> None:
    """Ask TensorFlow for this policy on every visible GPU. Raises PolicyConflict.

    Growth has a public setting. The fraction has none in TensorFlow 2: it goes into the configuration that the context
    is going to be started with, which is private, so that `applied` is what counts.
    """
    running = context.context()
    if running._context_handle is not None:
        raise PolicyConflict("too late for a memory policy: TensorFlow has started its devices")
    gpus = tf.config.get_visible_devices("GPU")
    _refuse_limits(gpus, policy)
    _refuse_other_growth(gpus, policy)
    for name in OVERRIDES:
        os.environ.pop(name, None)
    if policy.asynchronous:
        os.environ["TF_GPU_ALLOCATOR"] = "cuda_malloc_async"
    if policy.growth:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    if policy.fraction is not None:
        options = config_pb2.GPUOptions(per_process_gpu_memory_fraction=policy.fraction)
        running._config = config_pb2.ConfigProto(gpu_options=options)


def applied(outputs: Sequence[tf.Tensor | tf.Variable]) -> AppliedPolicy:
    """What TensorFlow's context was started with, and where these really are."""
    options = context.context().config.gpu_options
    return AppliedPolicy(
        allow_growth=options.allow_growth,
        fraction=options.per_process_gpu_memory_fraction,
        environment={name: os.environ[name] for name in OVERRIDES if name in os.environ},
        devices=tuple(output.device for output in outputs),
    )


def _refuse_limits(gpus: Sequence[tf.config.PhysicalDevice], policy: Policy) -> None:
    """A limit on a logical device would drop growth without a word, and stand beside the fraction."""
    limited = [gpu.name for gpu in gpus if tf.config.get_logical_device_configuration(gpu)]
    if limited:
        raise PolicyConflict(f"{limited[0]} has a memory limit already, which does not go with {policy.name}")


def _refuse_other_growth(gpus: Sequence[tf.config.PhysicalDevice], policy: Policy) -> None:
    """Growth that was set before, otherwise or on some GPUs only: it cannot differ between them."""
    for gpu in gpus:
        if tf.config.experimental.get_memory_growth(gpu) not in (None, policy.growth):
            raise PolicyConflict(f"{gpu.name} has growth set already, otherwise than {policy.name} does")
