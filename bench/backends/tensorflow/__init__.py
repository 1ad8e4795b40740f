"""TensorFlow: the only folder of the launcher, worker or presenter that imports it."""
