"""The real server after something has started TensorFlow's context: it must not fork."""

import sys

import tensorflow as tf

from bench.worker import server

if __name__ == "__main__":
    if sys.argv[1] == "server":  # a spawned worker configures the device itself
        tf.constant(1.0)
    server.main(sys.argv[1:])
