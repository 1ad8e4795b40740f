"""The step in PyTorch, to be held against TensorFlow's."""
