"""TensorFlow: how a step is run there, and everything else that a worker asks of it."""
