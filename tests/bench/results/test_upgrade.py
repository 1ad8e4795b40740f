"""Older results in the present shape, where that is not the business of a golden file's own test."""

import json
from pathlib import Path

import pytest

from bench.results import to_3
from bench.results.schema import SCHEMA_VERSION
from bench.results.upgrade import upgrade

ROOFLINE = Path(__file__).parents[3] / "results" / "reference" / "roofline.json"


def traced(tree, call_seconds):
    """The same with a trace of every case, as version 2.2 wrote it: 18 calls, each of so many seconds."""
    split = {"steps": 18, "step_seconds": call_seconds, "input_seconds": 0.25 * call_seconds}
    profile = {"status": "ok", "breakdown": {"split": split, "input_bound_share": 0.25}}
    benchmarks = [b | {"extra_info": b["extra_info"] | {"profile": profile}} for b in tree["benchmarks"]]
    return tree | {"benchmarks": benchmarks}


def test_what_an_older_trace_said_of_a_call_of_many_steps_is_said_of_a_step():
    found = upgrade(traced(json.loads(ROOFLINE.read_text()), 0.050))
    calls = {b["extra_info"]["sample_size"]["steps_per_call"] for b in found["benchmarks"]}
    assert calls == {1, 25}
    for benchmark in found["benchmarks"]:
        info = benchmark["extra_info"]
        split, per_call = info["profile"]["breakdown"]["split"], info["sample_size"]["steps_per_call"]
        assert split == {
            "steps": 18 * per_call,
            "step_seconds": pytest.approx(0.050 / per_call),
            "input_seconds": pytest.approx(0.0125 / per_call),
        }
        assert info["profile"]["breakdown"]["input_bound_share"] == 0.25


def test_what_a_present_trace_says_of_a_step_stays():
    tree = traced(json.loads(ROOFLINE.read_text()), 0.050)
    tree["autoencoder_bench"]["schema_version"] = SCHEMA_VERSION
    assert upgrade(tree)["benchmarks"] == to_3.upgrade(tree)["benchmarks"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"profile": None}, id="no profile"),
        pytest.param({"profile": {"breakdown": None}}, id="no breakdown"),
        pytest.param({"profile": {"breakdown": {"split": 5}}}, id="no parts"),
        pytest.param({"block": {"steps_per_call": "25"}}, id="no number of steps"),
        pytest.param({"block": {"steps_per_call": 1}}, id="a call is a step"),
        pytest.param({"block": None}, id="no block"),
    ],
)
def test_what_is_not_as_it_should_be_is_left_to_the_types(change):
    tree = json.loads(ROOFLINE.read_text())
    tree["benchmarks"] = [b | {"extra_info": b["extra_info"] | change} for b in tree["benchmarks"]]
    assert upgrade(tree)["benchmarks"] == to_3.upgrade(tree)["benchmarks"]
