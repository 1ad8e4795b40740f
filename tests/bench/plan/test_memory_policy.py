"""Memory policies by name."""

import pytest

from bench.errors import UsageError
from bench.plan import memory_policy
from bench.plan.memory_policy import Policy

POLICIES = {
    "default": Policy(),
    "growth": Policy(growth=True),
    "fraction-0.9": Policy(fraction=0.9),
    "growth+fraction-0.25": Policy(growth=True, fraction=0.25),
    "fraction-1": Policy(fraction=1.0),
    "async": Policy(asynchronous=True),
}


@pytest.mark.parametrize(("name", "policy"), POLICIES.items())
def test_a_name_is_a_policy_and_back(name, policy):
    assert memory_policy.parse(name) == policy
    assert policy.name == name


def test_a_plain_fraction_takes_the_share_given():
    assert memory_policy.parse("fraction", 0.5) == Policy(fraction=0.5)
    assert memory_policy.parse("growth+fraction").fraction == memory_policy.DEFAULT_FRACTION == 0.9


@pytest.mark.parametrize("name", ["fraction-0", "fraction-1.01", "fraction--1", "fraction-nan", "fraction-much"])
def test_a_share_of_a_gpu_is_above_none_and_at_most_all(name):
    with pytest.raises(UsageError, match="above 0 and at most 1"):
        memory_policy.parse(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("grwth", "Known: default, growth, fraction-F, growth+fraction-F, async"),
        ("fraction-0.5+growth", "Known"),
        ("growth+growth", "Known"),
        ("", "Known"),
        ("growth+async", "stand alone"),
        ("default+fraction-0.5", "stand alone"),
        ("growth+limit-1024", "silently drops growth"),
    ],
)
def test_what_is_no_policy_or_contradicts_itself_is_refused(name, message):
    with pytest.raises(UsageError) as caught:
        memory_policy.parse(name)
    assert message in str(caught.value)


def test_which_policies_may_starve_a_neighbour():
    assert [name for name, policy in POLICIES.items() if policy.reserves] == ["default", "fraction-0.9", "fraction-1"]
