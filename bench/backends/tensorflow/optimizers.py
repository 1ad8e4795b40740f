"""Whose Adam a step uses: Keras', as the notebook, or the fused one."""

from collections.abc import Callable
from typing import Any

from bench.backends.tensorflow.fused_adam import FusedAdam
from bench.backends.tensorflow.workload import WORKLOAD, Config, Variables

Create = Callable[[Variables, Config], Any]


def keras(parameters: Variables, config: Config) -> Any:
    """The notebook's."""
    return WORKLOAD.create_optimizer(parameters, config)


def fused(parameters: Variables, config: Config) -> Any:
    """The same update in one operation for each variable."""
    return FusedAdam(WORKLOAD.trainable(parameters), config.learning_rate)
