"""pyperf's view of the step; EVERY says which is executed twice. Started by peers.py."""

import os
import time

import pyperf

_run = None


def time_steps(loops: int) -> float:
    global _run
    if _run is None:
        import step  # TensorFlow: only in pyperf's workers, not in its manager

        _run = step.build(int(os.environ["EVERY"]))
    started = time.perf_counter()
    _run(loops)
    return time.perf_counter() - started


if __name__ == "__main__":
    pyperf.Runner().bench_time_func("step", time_steps)
