"""Roofline: how far TensorFlow can be pushed on this model, and what the largest part of a step is."""
