"""What the harness adds: its seconds per step over those of a loop written by hand, in pairs, in one process."""

import random
import time

import numpy as np
import pytest

from bench.backends import clock

PAIRS = 500
STEPS = 8
WARMUP = 2


def by_hand(subject, batch):
    for _ in range(WARMUP):
        loss = subject.step(batch)
    subject.synchronise(loss)
    started = time.perf_counter()
    for _ in range(STEPS):
        loss = subject.step(batch)
    subject.synchronise(loss)
    return time.perf_counter() - started


def by_bench(subject, batch):
    return clock.time_sample(subject.step, lambda: batch, subject.synchronise, STEPS, WARMUP)


@pytest.mark.parametrize("subject", ["function", "xla"], indirect=True)
def test_overhead(benchmark, subject, batch, capsys):
    """Prints the median ratio of the pairs with its 95% interval, from order statistics; asserts nothing on times."""
    ways = [("bench", by_bench), ("hand", by_hand)]
    logs = []

    def pair():
        seconds = {name: way(subject, batch) for name, way in random.sample(ways, 2)}
        logs.append(np.log(seconds["bench"] / seconds["hand"]))

    benchmark.pedantic(pair, rounds=PAIRS, warmup_rounds=5)  # a single pair where benchmarks are disabled
    ordered = np.exp(np.sort(logs[5:] if len(logs) > 5 else logs))
    half = int(0.98 * np.sqrt(len(ordered)))
    middle = len(ordered) // 2
    low, high = ordered[max(0, middle - half)], ordered[min(len(ordered) - 1, middle + half)]
    benchmark.extra_info["ratio"] = [float(low), float(np.median(ordered)), float(high)]
    with capsys.disabled():
        print(
            f"\nharness over hand-written loop, {len(ordered)} pairs: {np.median(ordered):.4f} [{low:.4f}, {high:.4f}]"
        )
