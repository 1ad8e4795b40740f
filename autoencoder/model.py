"""The autoencoder 784-128-64-128-784 from raw variables: weights and biases, encoder, decoder, mean_square."""

from dataclasses import dataclass

import tensorflow as tf

from autoencoder.config import Config


@dataclass(frozen=True)
class Parameters:
    """The notebook's two dictionaries of raw `tf.Variable`s, float32."""

    weights: dict[str, tf.Variable]
    biases: dict[str, tf.Variable]


def create_parameters(config: Config) -> Parameters:
    """Draw all weights and biases from one RandomNormal instance (mean 0, standard deviation 0.05).

    In Keras 3 an instance gives the same values for the same shape each time, so that `encoder_b1` and `decoder_b1`
    start equal. The notebook does the same; it is part of the model.
    """
    num_features, num_hidden_1, num_hidden_2 = config.num_features, config.num_hidden_1, config.num_hidden_2
    tf.keras.backend.set_floatx("float32")  # whatever the user's keras.json says, as the notebook's first cell does
    random_normal = tf.initializers.RandomNormal()
    weights = {
        "encoder_h1": tf.Variable(random_normal([num_features, num_hidden_1])),
        "encoder_h2": tf.Variable(random_normal([num_hidden_1, num_hidden_2])),
        "decoder_h1": tf.Variable(random_normal([num_hidden_2, num_hidden_1])),
        "decoder_h2": tf.Variable(random_normal([num_hidden_1, num_features])),
    }
    biases = {
        "encoder_b1": tf.Variable(random_normal([num_hidden_1])),
        "encoder_b2": tf.Variable(random_normal([num_hidden_2])),
        "decoder_b1": tf.Variable(random_normal([num_hidden_1])),
        "decoder_b2": tf.Variable(random_normal([num_features])),
    }
    return Parameters(weights, biases)


def trainable_variables(parameters: Parameters) -> list[tf.Variable]:
    """The eight variables in the notebook's order: four weights, then four biases."""
    return list({**parameters.weights, **parameters.biases}.values())


def encoder(parameters: Parameters, x: tf.Tensor) -> tf.Tensor:
    """Encode images (batch, 784) in [0, 1] as activations (batch, 64) in (0, 1)."""
    weights, biases = parameters.weights, parameters.biases
    layer_1 = tf.nn.sigmoid(tf.add(tf.matmul(x, weights["encoder_h1"]), biases["encoder_b1"]))  # (batch, 128)
    return tf.nn.sigmoid(tf.add(tf.matmul(layer_1, weights["encoder_h2"]), biases["encoder_b2"]))  # (batch, 64)


def decoder(parameters: Parameters, x: tf.Tensor) -> tf.Tensor:
    """Decode activations (batch, 64) into images (batch, 784) in (0, 1)."""
    weights, biases = parameters.weights, parameters.biases
    layer_1 = tf.nn.sigmoid(tf.add(tf.matmul(x, weights["decoder_h1"]), biases["decoder_b1"]))  # (batch, 128)
    return tf.nn.sigmoid(tf.add(tf.matmul(layer_1, weights["decoder_h2"]), biases["decoder_b2"]))  # (batch, 784)


def mean_square(reconstructed: tf.Tensor, original: tf.Tensor) -> tf.Tensor:
    """Mean over all pixels and images of the squared difference, a scalar."""
    return tf.reduce_mean(tf.pow(original - reconstructed, 2))
