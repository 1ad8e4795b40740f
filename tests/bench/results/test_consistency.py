"""Contradictions inside a document that its types cannot exclude."""

import json
from pathlib import Path

import msgspec
import pytest

from bench.experiments.roofline.step_cost import PRODUCTS
from bench.results import consistency
from bench.results.schema import Document
from bench.results.upgrade import upgrade

GOLDEN = (Path(__file__).parent / "golden" / "version-1.json").read_text()


def first_replicate(tree):
    return tree["benchmarks"][1]["extra_info"]["replicates"][0]


def first_experiment(tree):
    return tree["autoencoder_bench"]["experiments"][0]


def repeat_experiment(tree):
    tree["autoencoder_bench"]["experiments"].append(first_experiment(tree))


def rename_fully(tree):
    tree["benchmarks"][0]["fullname"] = "pipelines/eager/resident"


def drop_sample(tree):
    tree["benchmarks"][0]["stats"]["data"].pop()


def repeat_case(tree):
    tree["benchmarks"].append(tree["benchmarks"][0])


def rename(tree):
    tree["benchmarks"][0]["name"] = "eager/other"


def forget_status(tree):
    first_experiment(tree)["cases"].pop(0)


def same_cohort_twice(tree):
    tree["benchmarks"][0]["extra_info"]["replicates"][1]["cohort"] = 1


def same_round_twice(tree):
    rounds = first_replicate(tree)["rounds"]
    rounds[1] = rounds[0]


def add_limits(**changes):
    """Limits of a cohort with something wrong."""

    def change(tree):
        limits = {
            "cohort": 1,
            "eager_op_seconds": 1e-5,
            "function_call_seconds": 1e-4,
            "copy_bytes_per_second": 1e10,
            "large_copy_bytes_per_second": 1e10,
            "matmul_flops_per_second": dict.fromkeys(PRODUCTS, 1e11),
            "large_matmul_flops_per_second": 1e11,
            "eager_parts": {"forward_seconds": 1e-3, "with_gradients_seconds": 2e-3, "step_seconds": 3e-3},
        }
        first_experiment(tree)["limits"] = [limits, {**limits, "cohort": 2} | changes]

    return change


def test_sound_limits_are_no_contradiction():
    tree = upgrade(json.loads(GOLDEN))
    add_limits()(tree)
    assert consistency.first_problem(msgspec.convert(tree, Document)) is None


CHANGES = {
    add_limits(cohort=1): "experiments[0].limits: expected one for each cohort",
    add_limits(copy_bytes_per_second=0.0): "limits[1]: expected between 1 and 1e+24 a second",
    add_limits(matmul_flops_per_second=dict.fromkeys(PRODUCTS, -1.0)): "limits[1]: expected between",
    add_limits(matmul_flops_per_second={"outer": 1e11}): "limits[1].matmul_flops_per_second: expected outer, inner",
    add_limits(eager_op_seconds=0.0): "limits[1]: expected seconds between",
    lambda tree: tree["benchmarks"][0]["extra_info"]["block"].update(
        steps_per_call=0
    ): "extra_info.block: expected a step",
    drop_sample: "$.benchmarks[0].stats.data",
    repeat_case: "$.benchmarks: expected each name once",
    rename: "$.benchmarks[0].name",
    rename_fully: "$.benchmarks[0].fullname",
    repeat_experiment: "$.autoencoder_bench.experiments: expected each name once",
    forget_status: "$.autoencoder_bench.experiments: expected",
    same_cohort_twice: "$.benchmarks[0].extra_info.replicates",
    same_round_twice: "$.benchmarks[1].extra_info.replicates[0].rounds",
    lambda tree: first_replicate(tree).update(first_step_seconds=0.0): "replicates[0]: expected a first call",
    lambda tree: first_replicate(tree).update(peak_host_bytes=-1): "peak_host_bytes",
    lambda tree: tree["benchmarks"][0]["stats"].update(median=-1.0): "$.benchmarks[0].stats.median",
    lambda tree: tree["benchmarks"][2]["stats"]["data"].__setitem__(4, 0.0): "$.benchmarks[2].stats.data[4]",
    lambda tree: tree["benchmarks"][2]["stats"]["data"].__setitem__(4, 1e300): "$.benchmarks[2].stats.data[4]",
    lambda tree: first_experiment(tree)["cases"].extend(first_experiment(tree)["cases"] * 200): "1000 cases at most",
    lambda tree: first_experiment(tree)["preset"].update(looks=[]): "preset.looks",
    lambda tree: first_experiment(tree)["twin"]["ratio"].update(
        low=2.0
    ): "$.autoencoder_bench.experiments[0].twin.ratio",
}


@pytest.mark.parametrize("change", CHANGES, ids=list(CHANGES.values()))
def test_contradictions_are_named_with_their_place(change):
    tree = upgrade(json.loads(GOLDEN))
    assert consistency.first_problem(msgspec.convert(tree, Document)) is None
    change(tree)
    assert CHANGES[change] in consistency.first_problem(msgspec.convert(tree, Document))
