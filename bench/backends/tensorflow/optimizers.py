"""Whose Adam a step uses: Keras', as the notebook, or the fused one."""

from collections.abc import Callable
from typing import Any

from autoencoder import training
from autoencoder.config import Config
from autoencoder.model import Parameters, trainable_variables
from bench.backends.tensorflow.fused_adam import FusedAdam

Create = Callable[[Parameters, Config], Any]


def keras(parameters: Parameters, config: Config) -> Any:
    """The notebook's."""
    return training.create_optimizer(parameters, config)


def fused(parameters: Parameters, config: Config) -> Any:
    """The same update in one operation for each variable."""
    return FusedAdam(trainable_variables(parameters), config.learning_rate)
