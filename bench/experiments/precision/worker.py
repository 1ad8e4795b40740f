"""What a worker measures beside steps: the loss after a training in the case's precision, from several seeds."""

import math
import time
from collections.abc import Iterator, Mapping
from statistics import fmean

import numpy as np
import tensorflow as tf

from bench import protocol
from bench.backends.tensorflow import device
from bench.backends.tensorflow.handlers import State
from bench.backends.tensorflow.train_step import Subject
from bench.experiments.precision import figures


def losses(state: State, request: protocol.Measure) -> Mapping[str, float | str]:
    """The loss after training from each seed of this repetition, with the step that was timed; or why there is none.

    Of fewer seeds where steps are slow. Leaves the case's weights as the last training made them.
    """
    first, started = request.seed + figures.SEEDS * (request.repetition - 1), time.monotonic()
    found: dict[str, float | str] = {}
    for seed in range(first, first + figures.SEEDS):
        if time.monotonic() - started > figures.ENOUGH_SECONDS:
            break
        loss = _train(state, seed)
        found[figures.of_seed(seed)] = loss if math.isfinite(loss) else f"from seed {seed} losses are not numbers"
    return found


def _train(state: State, seed: int) -> float:
    """Train from the weights of a seed on batches in an order of that seed; the mean of the last losses."""
    subject, _ = state.prepared()
    _begin_anew(subject, state.afresh(seed))
    with tf.device(device.scope(state.device)):
        made = [subject.step(tf.constant(rows)) for rows in _batches(state, seed)]
    return fmean(float(loss) for loss in made[-figures.LAST_STEPS :])


def _begin_anew(subject: Subject, fresh: Subject) -> None:
    """Give a subject the state of a fresh one: it keeps what was traced and compiled for it."""
    kept = (*subject.trainable, *subject.optimizer_variables)
    for variable, new in zip(kept, (*fresh.trainable, *fresh.optimizer_variables), strict=True):
        variable.assign(new)


def _batches(state: State, seed: int) -> Iterator[np.typing.NDArray[np.float32]]:
    """(rows, features) each; once all rows had their turn, it begins again in another order."""
    generator, rows, size = np.random.default_rng(seed), state.data.x_train, state.config.batch_size
    order = np.zeros(0, np.int64)
    for _ in range(figures.TRAINED_STEPS):
        while len(order) < size:
            order = np.concatenate([order, generator.permutation(len(rows))])
        yield rows[order[:size]]
        order = order[size:]


MEASUREMENTS = {figures.LOSSES: losses}
