"""The step in JAX, to be held against TensorFlow's."""
