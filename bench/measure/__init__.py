"""The launcher's side of measuring: servers, workers, repetitions, rounds, and what is measured apart."""
