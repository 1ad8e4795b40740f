"""Frameworks: the same step in TensorFlow, JAX and PyTorch."""
