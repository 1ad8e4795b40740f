"""Modes: what eager, tf.function and XLA cost, with and without an input pipeline."""
