"""The autoencoder in plain NumPy, written from its formulas: forward, loss, gradients by hand, Adam."""

import numpy as np

LAYERS = [
    ("encoder_h1", "encoder_b1"),
    ("encoder_h2", "encoder_b2"),
    ("decoder_h1", "decoder_b1"),
    ("decoder_h2", "decoder_b2"),
]


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def forward(values, x):
    """Activations of all layers, the input first."""
    activations = [x]
    for weight, bias in LAYERS:
        activations.append(sigmoid(activations[-1] @ values[weight] + values[bias]))
    return activations


def loss(values, x):
    return np.mean((x - forward(values, x)[-1]) ** 2)


def gradients(values, x):
    """Backpropagation: d loss / d reconstruction is 2 (reconstruction - x) / count; sigmoid' is a (1 - a)."""
    activations = forward(values, x)
    delta = 2.0 * (activations[-1] - x) / x.size
    result = {}
    for (weight, bias), before, after in zip(reversed(LAYERS), activations[-2::-1], activations[:0:-1], strict=True):
        delta = delta * after * (1.0 - after)
        result[weight] = before.T @ delta
        result[bias] = delta.sum(axis=0)
        delta = delta @ values[weight].T
    return result


class Adam:
    """Kingma & Ba (2015), in the form of their section 2's last paragraph: epsilon outside the bias correction."""

    def __init__(self, learning_rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.rates = learning_rate, beta_1, beta_2, epsilon
        self.first, self.second, self.step = {}, {}, 0

    def update(self, values, slopes):
        learning_rate, beta_1, beta_2, epsilon = self.rates
        self.step += 1
        alpha = learning_rate * np.sqrt(1 - beta_2**self.step) / (1 - beta_1**self.step)
        for name, slope in slopes.items():
            self.first[name] = beta_1 * self.first.get(name, 0.0) + (1 - beta_1) * slope
            self.second[name] = beta_2 * self.second.get(name, 0.0) + (1 - beta_2) * slope**2
            values[name] = values[name] - alpha * self.first[name] / (np.sqrt(self.second[name]) + epsilon)


def train(values, batches):
    """Losses before each update, computed in float64; leaves the trained values in `values`."""
    adam, losses = Adam(), []
    for batch in batches:
        x = np.asarray(batch, np.float64)
        losses.append(loss(values, x))
        adam.update(values, gradients(values, x))
    return losses
