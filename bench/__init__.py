"""Measure what a machine does with TensorFlow, with the notebook's autoencoder as the probe."""

__version__ = "0.1.0"
