"""The training loop: as many updates as the notebook does, told step by step."""

import numpy as np
import tensorflow as tf

from autoencoder import training
from autoencoder.config import Config


def test_train_does_one_update_more_than_training_steps_and_reports_each():
    rows = np.arange(12, dtype=np.float32).reshape(12, 1)
    dataset = tf.data.Dataset.from_tensor_slices((rows, rows)).batch(1)
    seen = []
    losses = training.train(
        lambda batch: batch[0, 0] * 2,
        dataset,
        Config(training_steps=4),
        lambda step, loss: seen.append((step, float(loss))),
    )
    assert [float(loss) for loss in losses] == [0, 2, 4, 6, 8]
    assert seen == [(0, 0), (1, 2), (2, 4), (3, 6), (4, 8)]
