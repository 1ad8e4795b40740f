"""How figures are written."""

from bench.output.figures import interval, milliseconds, multiple, percent, scaled, with_interval
from bench.results.schema import Estimate


def estimate(value, low, high, reason=None):
    return Estimate(value=value, low=low, high=high, confidence=0.95, repetitions=4, reason=reason)


def test_numbers_in_words():
    assert multiple(16.666) == "16.7x"
    assert [multiple(value) for value in (8.2, 123.4, 0.5)] == ["8.20x", "123x", "0.500x"]
    assert multiple(1234.5) == "1,234x"
    assert scaled(estimate(0.177, 0.158, 0.1974), 1e3) == "177 [158, 197]"
    assert scaled(estimate(0.5, None, None)) == "0.500 (no interval)"
    assert scaled(estimate(None, None, None)) == "-"
    assert interval(estimate(2.0, 1.9876, 2.01)) == "[1.99, 2.01]"
    assert interval(estimate(2.0, None, None, "no interval under 3 repetitions")) == ""


def test_where_there_is_no_interval_that_is_said():
    assert with_interval(estimate(2.0, 1.9876, 2.01), multiple) == "2.00x [1.99, 2.01]"
    assert with_interval(estimate(2.0, None, None, "one repetition"), multiple) == "2.00x (no interval)"
    assert with_interval(estimate(None, None, None), multiple) == "-"
    assert percent(estimate(0.15, -0.03, 0.29)) == "15% [-3, 29]"
    assert percent(estimate(0.15, None, None)) == "15% (no interval)"


def test_milliseconds_of_a_step_turn_lowest_and_highest_around():
    assert milliseconds(estimate(500.0, 400.0, 1000.0)) == "2.00 (1.00-2.50)"
    assert milliseconds(estimate(500.0, None, None)) == "2.00"
    assert milliseconds(estimate(None, None, None)) == "-"
