"""The check against eager: what passes where."""

import pytest

from bench.measure import same_model
from bench.plan.case import Case, is_same_model

REFERENCE = [0.2, 0.1, 0.05]


@pytest.mark.parametrize(
    ("kind", "tf32", "difference", "passed"),
    [
        ("cpu", True, 9e-6, True),  # TF32 means nothing on a CPU
        ("cpu", False, 2e-5, False),
        ("gpu", False, 9e-5, True),
        ("gpu", False, 2e-4, False),
        ("gpu", True, 9e-3, True),
        ("gpu", True, 2e-2, False),
    ],
)
def test_limits(kind, tf32, difference, passed):
    losses = [0.2, 0.1 * (1 + difference), 0.05]
    result = same_model.compare(losses, REFERENCE, kind, tf32)
    assert result.largest_relative_difference == pytest.approx(difference)
    assert result.passed is passed


@pytest.mark.parametrize(("losses", "reference"), [([0.2, None, 0.05], REFERENCE), (REFERENCE, [0.2, 0.1, None])])
def test_what_is_no_number_never_passes(losses, reference):
    result = same_model.compare(losses, reference, "cpu", tf32=False)
    assert not result.passed
    assert "not a number" in same_model.explain(result)


def test_another_model_on_purpose_is_reported_and_not_judged():
    result = same_model.compare([0.2, 0.13, 0.05], REFERENCE, "gpu", tf32=False, judged=False)
    assert (result.limit, result.passed) == (None, None)
    assert result.largest_relative_difference == pytest.approx(0.3)


def test_losses_that_are_no_numbers_fail_also_of_another_model():
    result = same_model.compare([0.2, None, 0.05], REFERENCE, "cpu", tf32=False, judged=False)
    assert result.passed is False
    assert same_model.explain(result).startswith("a loss is not a number")


@pytest.mark.parametrize(
    ("axes", "same"),
    [
        ({}, True),
        ({"precision": "float32"}, True),
        ({"precision": "tf32"}, False),
        ({"precision": "mixed_bfloat16"}, False),
        ({"precision": "mixed_float16"}, False),
        ({"framework": "jax", "mode": "jit"}, True),
        ({"framework": "jax", "mode": "jit-optax"}, False),
        ({"framework": "torch", "mode": "eager-built-in-adam"}, False),
        ({"environment": "XLA_FLAGS=--a=1"}, True),
    ],
    ids=str,
)
def test_which_cases_are_another_model_on_purpose(axes, same):
    assert is_same_model(Case(experiment="any", **axes)) is same


def test_as_many_losses_as_the_reference():
    with pytest.raises(ValueError, match="zip"):
        same_model.compare([0.2], REFERENCE, "cpu", tf32=False)


@pytest.mark.parametrize(("size", "steps"), [(16, 50), (4_096, 50), (16_384, 10), (262_144, 10)])
def test_of_large_batches_fewer_steps_have_to_do(size, steps):
    assert same_model.check_steps(size) == steps
