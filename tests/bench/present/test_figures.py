"""How figures are written."""

from bench.present.figures import interval, multiple
from bench.results.schema import Estimate


def estimate(value, low, high, reason=None):
    return Estimate(value=value, low=low, high=high, confidence=0.95, cohorts=4, reason=reason)


def test_numbers_in_words():
    assert multiple(16.666) == "16.7x"
    assert [multiple(value) for value in (8.2, 123.4, 0.5)] == ["8.20x", "123x", "0.500x"]
    assert interval(estimate(2.0, 1.9876, 2.01)) == "[1.99, 2.01]"
    assert interval(estimate(2.0, None, None, "no interval under 3 cohorts")) == ""
