"""The workload in TensorFlow, as one record of functions: nothing else of this folder knows the model behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from autoencoder import data, model, outputs, pipeline, training
from autoencoder.model import Parameters
from autoencoder.plots import IMAGE_SIDE
from bench.plan.workload import Config, Dataset

__all__ = ["WORKLOAD", "Config", "PreparedData", "TensorFlowWorkload", "Variables"]

Variables = Any
"""The variables of one model, in whatever form the workload keeps them: only its own functions look inside."""

_KERAS_LAYERS = (
    ("encoder_h1", "encoder_b1"),
    ("encoder_h2", "encoder_b2"),
    ("decoder_h1", "decoder_b1"),
    ("decoder_h2", "decoder_b2"),
)


@dataclass(frozen=True)
class PreparedData:
    """Rows (n, features) with labels (n,), training and test, shared by all workers of a server.

    float32 in [0, 1] as the notebook prepares them, and the training rows also as they are stored, uint8.
    """

    x_train: npt.NDArray[np.float32]
    y_train: npt.NDArray[np.uint8]
    x_test: npt.NDArray[np.float32]
    y_test: npt.NDArray[np.uint8]
    stored_train: npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class TensorFlowWorkload:
    """What is optimised, and how its own programme does that; batches are (rows, features), float32.

    `trainable` lists the variables in the order in which the optimizer updates them. `cast` gives what `forward` takes
    in another type, tensors in the place of the variables. `optimise` does one step and gives
    its loss before the update; `make_step` binds it to its variables in one of `modes`. `loss` is of what `forward`
    makes of a batch. `create_keras` gives the same network, with the same first weights, as a user of Keras writes it.
    `train_data` is the input pipeline of the workload's own programme, and `train` that programme: it leaves losses and
    plots in a folder, and returns the losses.
    """

    prepare: Callable[[Dataset], PreparedData]
    create: Callable[[Config], Variables]
    trainable: Callable[[Variables], list[tf.Variable]]
    cast: Callable[[Variables, tf.DType], Variables]
    forward: Callable[[Variables, tf.Tensor], tf.Tensor]
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    create_optimizer: Callable[[Variables, Config], Any]
    optimise: Callable[[Variables, Any, tf.Tensor], tf.Tensor]
    modes: Sequence[str]
    make_step: Callable[[Variables, Any, Any], Callable[[tf.Tensor], tf.Tensor]]
    create_keras: Callable[[Config], tuple[keras.Sequential, Variables]]
    keras_loss: str
    shuffle_buffer: int
    train_data: Callable[[PreparedData, Config], tf.data.Dataset]
    train: Callable[[PreparedData, Config, str, Path], list[float]]
    image_side: int  # pixels: a row is a square image


def _prepare(fashion_mnist: Dataset) -> PreparedData:
    return PreparedData(
        x_train=data.prepare(fashion_mnist.train_images),
        y_train=fashion_mnist.train_labels,
        x_test=data.prepare(fashion_mnist.test_images),
        y_test=fashion_mnist.test_labels,
        stored_train=fashion_mnist.train_images.reshape([-1, IMAGE_SIDE**2]),
    )


def _cast(parameters: Parameters, dtype: tf.DType) -> Parameters:
    return Parameters(
        {name: tf.cast(weight, dtype) for name, weight in parameters.weights.items()},
        {name: tf.cast(bias, dtype) for name, bias in parameters.biases.items()},
    )


def _forward(parameters: Parameters, batch: tf.Tensor) -> tf.Tensor:
    return model.decoder(parameters, model.encoder(parameters, batch))


def _create_keras(config: Config) -> tuple[keras.Sequential, Parameters]:
    first = model.create_parameters(config)  # before anything else draws from the seed
    sizes = (config.num_hidden_1, config.num_hidden_2, config.num_hidden_1, config.num_features)
    dense = [keras.layers.Dense(size, "sigmoid") for size in sizes]
    network = keras.Sequential([keras.Input([config.num_features]), *dense])
    for layer, (weight, bias) in zip(dense, _KERAS_LAYERS, strict=True):
        layer.set_weights([first.weights[weight].numpy(), first.biases[bias].numpy()])
    named = list(zip(dense, _KERAS_LAYERS, strict=True))
    return network, Parameters(
        {weight: layer.kernel.value for layer, (weight, _) in named},
        {bias: layer.bias.value for layer, (_, bias) in named},
    )


def _train(prepared: PreparedData, config: Config, mode: str, folder: Path) -> list[float]:
    train_data = pipeline.train_data(prepared.x_train, prepared.y_train, config)
    test_data = pipeline.test_data(prepared.x_test, prepared.y_test, config)
    parameters = model.create_parameters(config)
    optimizer = training.create_optimizer(parameters, config)
    known = next(known for known in training.MODES if known == mode)
    step = training.make_step(parameters, optimizer, known)
    losses = [float(loss) for loss in training.train(step, train_data, config)]
    outputs.save_losses(losses, folder / "losses.csv")
    outputs.save_plots(losses, outputs.reconstruct(parameters, test_data), folder)
    return losses


WORKLOAD = TensorFlowWorkload(
    prepare=_prepare,
    create=model.create_parameters,
    trainable=model.trainable_variables,
    cast=_cast,
    forward=_forward,
    loss=model.mean_square,
    create_optimizer=training.create_optimizer,
    optimise=training.run_optimization,
    modes=training.MODES,
    make_step=training.make_step,
    create_keras=_create_keras,
    keras_loss="mse",
    shuffle_buffer=pipeline.SHUFFLE_BUFFER,
    train_data=lambda prepared, config: pipeline.train_data(prepared.x_train, prepared.y_train, config),
    train=_train,
    image_side=IMAGE_SIDE,
)
