"""TensorFlow as something to be measured."""

import tensorflow as tf

from bench.backends.backend import Backend
from bench.backends.tensorflow import device, handlers
from bench.backends.tensorflow.workload import WORKLOAD

BACKEND = Backend(
    prepare=WORKLOAD.prepare,
    why_not_fork=device.preloaded_unsound,
    limit_threads=device.limit_threads,
    state=handlers.State,
    handlers=handlers.HANDLERS,
    out_of_memory=(tf.errors.ResourceExhaustedError,),
)
