"""A line through times of batches, with a known truth."""

import numpy as np
import pytest
from support.documents import processes

from bench.experiments.batch import regimes

SIZES = (16, 64, 256, 1024, 4096)
LAUNCH, EXAMPLE = 1e-3, 2e-6


def times(seed=0, repetitions=12, noise=0.01, sizes=SIZES, launch=LAUNCH, example=EXAMPLE):
    generator = np.random.default_rng(seed)
    return {
        size: processes((launch + example * size) * np.exp(generator.normal(0, noise, (repetitions, 20))))
        for size in sizes
    }


def test_the_parts_and_their_crossover_are_found():
    found = regimes.fit(times())
    assert found.launch_seconds.value == pytest.approx(LAUNCH, rel=0.01)
    assert found.per_example_seconds.value == pytest.approx(EXAMPLE, rel=0.01)
    assert found.crossover.value == pytest.approx(LAUNCH / EXAMPLE, rel=0.02)
    assert found.crossover.low < found.crossover.value < found.crossover.high
    assert found.worst_misfit < 0.02


def test_the_interval_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        crossover = regimes.fit(times(seed, repetitions=4, noise=0.05)).crossover
        hits += crossover.low <= LAUNCH / EXAMPLE <= crossover.high
    assert 0.90 <= hits / 200 <= 0.99


def test_small_batches_count_as_much_as_large_ones():
    exact = [(size, LAUNCH + EXAMPLE * size) for size in SIZES]
    assert regimes.line(exact) == pytest.approx((LAUNCH, EXAMPLE))
    off = [(size, seconds * (1.1 if size == 4096 else 1.0)) for size, seconds in exact]
    assert regimes.line(off)[0] == pytest.approx(LAUNCH, rel=0.05)


def test_no_line_where_there_is_none():
    assert regimes.fit({}) is None
    assert regimes.fit(times(sizes=(16, 64))) is None
    assert regimes.fit(times(example=-2e-7)) is None  # larger batches faster: no regime of either kind


def test_what_is_no_line_shows_as_a_misfit():
    found = times(noise=0.001)
    found[256] = processes(np.full((12, 20), 4e-3))
    assert regimes.fit(found).worst_misfit > 0.3
