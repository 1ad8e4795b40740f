"""The real server, with modes that go wrong in every way a worker can."""

import os
import resource
import signal
import sys
import time
from dataclasses import replace

import numpy as np
import tensorflow as tf

from bench.backends.tensorflow import handlers, modes
from bench.protocol import RunSample
from bench.worker import server

_samples = []  # those that this worker has been asked for: the first is its warm-up
_run_sample = handlers.HANDLERS[RunSample]


def _count_sample(session, request):
    _samples.append(request)
    return _run_sample(session, request)


def _function(config):
    return modes.STEPS["function"](config)


def _misbehaving(action, at_once=False):
    """A step that does `action`, at once or in the timed rounds."""

    def build(config):
        subject = _function(config)

        def step(batch):
            if at_once or len(_samples) > 1:
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
    subject = _function(config)
    return replace(subject, step=lambda batch: subject.step(batch * 0.99))


def _not_a_number(config):
    subject = _function(config)
    return replace(subject, step=lambda batch: subject.step(batch) * tf.constant(float("nan")))


def _retracing(config):
    return replace(_function(config), traces=lambda: 2 if len(_samples) > 1 else 1)


handlers.HANDLERS[RunSample] = _count_sample
modes.STEPS.update(
    {
        "raise": _misbehaving(_raise),
        "raise-at-once": _misbehaving(_raise, at_once=True),
        "kill": _misbehaving(_kill),
        "segfault": _misbehaving(_segfault),
        "hang": _misbehaving(_hang),
        "hang-at-once": _misbehaving(_hang, at_once=True),
        "exhaust": _misbehaving(_exhaust),
        "exit": _misbehaving(_exit),
        "another-model": _another_model,
        "not-a-number": _not_a_number,
        "retracing": _retracing,
    }
)

if __name__ == "__main__":
    server.main(sys.argv[1:])
