"""Readings around samples, with gaps where a GPU does not say."""

from bench.machine import telemetry
from bench.machine.nvml import Reading

SILENT = Reading(None, None, None)


def test_pairs_stay_in_order_and_bits_are_joined():
    found = telemetry.of_samples([(Reading(10, 40, 0), Reading(9, 41, 4)), (Reading(8, None, 64), Reading(7, 43, 8))])
    assert found.sm_hertz == ((10, 9), (8, 7))
    assert found.celsius == ((40, 41), (None, 43))
    assert found.throttle_bits == (4, 72)


def test_what_a_gpu_does_not_say_is_none():
    found = telemetry.of_samples([(SILENT, Reading(9, None, None)), (SILENT, SILENT)])
    assert found.sm_hertz == ((None, 9), (None, None))
    assert found.throttle_bits == (None, None)
    assert telemetry.of_samples([(SILENT, SILENT)]) is None
    assert telemetry.of_samples([]) is None


def test_what_throttled_a_round_is_all_of_its_samples():
    assert telemetry.throttle_bits([(Reading(1, 1, 1), SILENT), (SILENT, Reading(1, 1, 2))]) == 3
    assert telemetry.throttle_bits([(SILENT, SILENT)]) is None
    assert telemetry.throttle_bits([]) is None
