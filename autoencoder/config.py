"""The notebook's parameters, one frozen record."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Everything the notebook sets in its parameter cell, under the notebook's names.

    `num_features`, `num_hidden_1`, `num_hidden_2` are layer widths, `batch_size` counts rows, `training_steps`
    counts optimisation steps (the loop does one more), `learning_rate` is Adam's. Values are float32 throughout.
    """

    num_features: int = 784  # 28 x 28 pixels
    learning_rate: float = 0.01
    training_steps: int = 5000
    batch_size: int = 64
    num_hidden_1: int = 128
    num_hidden_2: int = 64  # the latent dimension, drawn as 8 x 8

    @property
    def display_step(self) -> float:
        """Steps between two printed losses: a tenth of the training, a float as in the notebook."""
        return self.training_steps / 10
