"""The real server, whose steps are slower by a known share: every so manieth step is executed twice.

Run as the real one, with the number before its arguments. The first steps are left alone: those on which the model is
checked against eager's.
"""

import sys
from dataclasses import replace

from bench.backends.tensorflow import modes
from bench.worker import server

CHECKED_STEPS = 60


def slow_down(every):
    for mode, build in list(modes.STEPS.items()):
        modes.STEPS[mode] = _slower(build, every)


def _slower(build, every):
    def build_slower(config):
        subject = build(config)
        calls = 0

        def step(batch):
            nonlocal calls
            calls += 1
            if calls > CHECKED_STEPS and calls % every == 0:
                subject.step(batch)
            return subject.step(batch)

        # Tracing alone must stay possible, and what is counted are the traces of the real step.
        if hasattr(subject.step, "get_concrete_function"):
            step.get_concrete_function = subject.step.get_concrete_function
        return replace(subject, step=step)

    return build_slower


if __name__ == "__main__":
    slow_down(int(sys.argv.pop(1)))
    server.main(sys.argv[1:])
