"""The real server, with modes that go wrong in every way a worker can."""

import os
import resource
import signal
import sys
import time
from dataclasses import replace

import numpy as np
import tensorflow as tf

from bench.backends.tensorflow import modes
from bench.worker import server


def _eager(config):
    return modes.STEPS["eager"](config)


def _misbehaving(action, after=60):
    """An eager step that does `action` from its call number `after` on: in the timed rounds, not in the check."""

    def build(config):
        subject = _eager(config)
        calls = 0

        def step(batch):
            nonlocal calls
            calls += 1
            if calls > after:
                action()
            return subject.step(batch)

        return replace(subject, step=step)

    return build


def _raise():
    raise ValueError("a step that raises\nwith a second line")


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def _segfault():
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang():
    time.sleep(600)


def _exhaust():
    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
    np.ones(2**40)


def _exit():
    os._exit(3)


def _another_model(config):
    subject = _eager(config)
    return replace(subject, step=lambda batch: subject.step(batch * 0.99))


def _not_a_number(config):
    subject = _eager(config)
    return replace(subject, step=lambda batch: subject.step(batch) * tf.constant(float("nan")))


def _retracing(config):
    subject = _eager(config)
    calls = 0

    def step(batch):
        nonlocal calls
        calls += 1
        return subject.step(batch)

    return replace(subject, step=step, traces=lambda: 2 if calls > 60 else 1)


modes.STEPS.update(
    {
        "raise": _misbehaving(_raise),
        "raise-at-once": _misbehaving(_raise, after=0),
        "kill": _misbehaving(_kill),
        "segfault": _misbehaving(_segfault),
        "hang": _misbehaving(_hang),
        "hang-at-once": _misbehaving(_hang, after=0),
        "exhaust": _misbehaving(_exhaust),
        "exit": _misbehaving(_exit),
        "another-model": _another_model,
        "not-a-number": _not_a_number,
        "retracing": _retracing,
    }
)

if __name__ == "__main__":
    server.main(sys.argv[1:])
