"""The step that all tools are given: the model's, under tf.function, with every so manieth executed twice or not."""

import slow_server

from autoencoder import data
from autoencoder.config import Config
from bench.backends.tensorflow import modes, pipelines
from bench.backends.tensorflow.workload import WORKLOAD

NEVER = 10**12


def build(every: int):
    """A warm step and what waits for it, as a function of how many to do."""
    slow_server.CHECKED_STEPS = 0
    slow_server.slow_down(every)
    prepared = WORKLOAD.prepare(data.load("sample"))
    subject = modes.build("function", Config(), seed=1)
    batch = pipelines.resident(prepared, Config(), "/CPU:0")()

    def run(count: int) -> None:
        for _ in range(count):
            loss = subject.step(batch)
        subject.synchronise(loss)

    run(50)
    return run
