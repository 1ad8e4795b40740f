"""What may be claimed: three answers, and the fastest of several."""

import numpy as np
import pytest
from support.documents import processes

from bench.results import claims
from bench.results.claims import Answer, Cost
from bench.results.schema import Estimate


def estimate(low, high):
    return Estimate(value=0.0, low=low, high=high, confidence=0.95, repetitions=4)


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (1.1, 1.2, Answer.YES),
        (0.8, 0.9, Answer.NO),
        (0.9, 1.1, Answer.OPEN),
        (1.0, 1.2, Answer.OPEN),  # at the bound
        (None, None, Answer.OPEN),
    ],
)
def test_a_claim_its_negation_or_neither(low, high, answer):
    assert claims.above(estimate(low, high), 1.0) is answer


@pytest.mark.parametrize(
    ("low", "high", "cost"),
    [
        (0.10, 0.20, Cost.SOME),
        (0.01, 0.03, Cost.SOME),  # little it may be, but something
        (-0.02, 0.03, Cost.LITTLE),
        (-0.20, -0.10, Cost.LITTLE),
        (-0.03, 0.29, Cost.OPEN),
        (None, None, Cost.OPEN),
    ],
)
def test_a_cost_is_some_little_or_open(low, high, cost):
    assert claims.cost(estimate(low, high)) is cost


def cases(**seconds):
    generator = np.random.default_rng(1)
    return {name: processes(s * np.exp(generator.normal(0, 0.01, (6, 20)))) for name, s in seconds.items()}


def test_the_fastest_is_named_with_those_that_may_be():
    some = cases(a=1.0, b=0.5, c=0.5, d=0.6)
    found = claims.leaders(some, some["a"])
    assert {found.first, *found.rivals} == {"b", "c"}
    assert found.slower == ("d", "a")
    assert claims.leaders({}, some["a"]) is None
