"""How a case is measured: server, workers, cohorts, blocks. TensorFlow is imported here, by the child processes."""
