"""When measuring ends: on width or time, after fixed looks."""

import msgspec
import pytest

from bench.measure import stopping
from bench.plan.preset import PRESETS

STANDARD, QUICK = PRESETS["standard"], PRESETS["quick"]
STEADY = [[0.1, 0.1, 0.1]] * 6


@pytest.mark.parametrize(
    ("preset", "repetitions", "narrow", "elapsed", "reason"),
    [
        (QUICK, 3, True, 1_000.0, None),  # a fixed number is measured, however long it takes
        (QUICK, 4, False, 10.0, "fixed"),
        (STANDARD, 2, True, 1_000.0, None),
        (STANDARD, 3, True, 60.0, "width"),
        (STANDARD, 3, False, 60.0, None),
        (STANDARD, 4, True, 80.0, None),  # narrow between two looks: not looked at
        (STANDARD, 6, True, 1_000.0, "width"),
        (STANDARD, 4, False, 270.0, "time"),
        (STANDARD, 16, False, 200.0, "repetitions"),
    ],
)
def test_reasons(preset, repetitions, narrow, elapsed, reason):
    assert stopping.reason_to_stop(preset, repetitions, narrow, elapsed, repetition_seconds=20.0) == reason


def test_narrow_is_the_presets_target():
    assert stopping.is_narrow(STEADY, STANDARD)
    assert not stopping.is_narrow(STEADY[:3], STANDARD)  # three that agree are luck
    assert stopping.is_narrow(STEADY[:4], QUICK)
    assert not stopping.is_narrow([[0.0], [0.2], [0.4], [0.1], [0.3], [0.0]], STANDARD)
    assert not stopping.is_narrow([], STANDARD)


def test_samples_follow_the_variances_after_the_first_look():
    noisy = [[(-1) ** i * 0.1 + 0.001 * repetition for i in range(40)] for repetition in range(3)]
    assert stopping.samples_for_next([noisy[:2]], STANDARD, 0.2, 10.0) == 40  # 8 s of rounds
    assert stopping.samples_for_next([noisy[:2]], STANDARD, 0.2, 10.0, patience=3) == 120
    assert stopping.samples_for_next([], STANDARD, 5.0, 10.0) == STANDARD.least_rounds
    assert stopping.samples_for_next([noisy[:2]], QUICK, 0.01, 10.0) == QUICK.most_rounds
    many = stopping.samples_for_next([noisy], STANDARD, 0.4, 10.0)
    assert 40 < many <= STANDARD.most_rounds
    assert stopping.samples_for_next([STEADY], STANDARD, 0.4, 10.0) == STANDARD.least_rounds
    fixed = msgspec.structs.replace(STANDARD, least_rounds=7, most_rounds=7)
    assert stopping.samples_for_next([noisy], fixed, 0.4, 10.0) == 7
