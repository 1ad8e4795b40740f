"""Each policy's effective configuration, in real TensorFlow processes; and what cannot take effect is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience

from bench.measure import applied
from bench.plan.memory_policy import Policy, parse
from bench.results.record import AppliedPolicy

SCRIPT = Path(__file__).with_name("policies_in_tensorflow.py")


@pytest.fixture(scope="module")
def answers():
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", str(SCRIPT)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=patience.limit(120), check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("policy", "growth", "fraction", "environment"),
    [
        ("default", False, 0.0, {}),
        ("growth", True, 0.0, {}),
        ("fraction-0.9", False, 0.9, {}),
        ("growth+fraction-0.9", True, 0.9, {}),
        ("fraction-0.25", False, 0.25, {}),
        ("async", False, 0.0, {"TF_GPU_ALLOCATOR": "cuda_malloc_async"}),
    ],
)
def test_every_policy_reaches_the_configuration_that_the_context_is_started_with(
    answers, policy, growth, fraction, environment
):
    found = answers[policy]
    assert (found["growth_in_proto"], found["fraction_in_proto"]) == (growth, fraction)
    assert (found["allow_growth"], found["fraction"], found["environment"]) == (growth, fraction, environment)
    on_a_gpu = AppliedPolicy(allow_growth=growth, fraction=fraction, environment=environment, devices=("GPU:0",))
    assert applied.by_settings(parse(policy), on_a_gpu) is None


@pytest.mark.parametrize(
    ("conflict", "reason"),
    [
        ("too_late", "too late for a memory policy"),
        ("limit_before_growth", "has a memory limit already"),
        ("growth_on_one_of_two", "GPU:1 has growth set already"),
    ],
)
def test_what_tensorflow_would_drop_without_a_word_is_refused(answers, conflict, reason):
    assert reason in answers[conflict]


@pytest.mark.parametrize(
    ("policy", "change", "reason"),
    [
        (Policy(growth=True), {"allow_growth": False}, "allow_growth=False"),
        (Policy(), {"allow_growth": True}, "allow_growth=True"),
        (Policy(fraction=0.9), {"fraction": 0.5}, "fraction of 0.5"),
        (Policy(), {"fraction": 0.9}, "fraction of 0.9"),
        (Policy(asynchronous=True), {}, "environment"),
        (Policy(), {"environment": {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}}, "TF_FORCE"),
        (Policy(), {"devices": ("/device:GPU:0", "/device:CPU:0")}, "is on /device:CPU:0"),
    ],
)
def test_settings_that_contradict_the_policy_are_named(policy, change, reason):
    found = AppliedPolicy(
        **{"allow_growth": False, "fraction": 0.0, "environment": {}, "devices": ("GPU:0",), **change}
    )
    assert reason in applied.by_settings(policy, found)
