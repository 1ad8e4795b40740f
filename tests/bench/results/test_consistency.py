"""Contradictions inside a document that its types cannot exclude."""

import json
from pathlib import Path

import msgspec
import pytest

from bench.results import consistency
from bench.results.schema import Document
from bench.results.upgrade import upgrade

GOLDEN = (Path(__file__).parent / "golden" / "version-1.json").read_text()


def first_process(tree):
    return tree["benchmarks"][1]["extra_info"]["processes"][0]


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


def same_repetition_twice(tree):
    tree["benchmarks"][0]["extra_info"]["processes"][1]["repetition"] = 1


def same_round_twice(tree):
    rounds = first_process(tree)["rounds"]
    rounds[1] = rounds[0]


def add_quantities(repetition=2, **values):
    """Quantities of two repetitions, the second with something wrong."""

    def change(tree):
        sound = {
            "name": "peaks",
            "repetition": 1,
            "values": {"operation_seconds": 1e-5, "copy_bytes_per_second": 1e10},
        }
        first_experiment(tree)["quantities"] = [
            sound,
            {**sound, "repetition": repetition, "values": sound["values"] | values},
        ]

    return change


def add_figure(name, **ends):
    def change(tree):
        estimate = {"value": 0.1, "low": -0.1, "high": 0.2, "confidence": 0.95, "repetitions": 4, **ends}
        tree["benchmarks"][0]["extra_info"]["figures"] = {name: estimate}

    return change


@pytest.mark.parametrize("add", [add_quantities(), add_figure("lost_share")], ids=["quantities", "figure"])
def test_sound_ones_are_no_contradiction(add):
    tree = upgrade(json.loads(GOLDEN))
    add(tree)
    assert consistency.first_problem(msgspec.convert(tree, Document)) is None


CHANGES = {
    add_quantities(repetition=1): "experiments[0].quantities: expected one of each name for each repetition",
    add_quantities(copy_bytes_per_second=0.0): "quantities[1].values.copy_bytes_per_second: expected between 1 and",
    add_quantities(operation_seconds=0.0): "quantities[1].values.operation_seconds: expected between 1e-12 and",
    add_quantities(operation=1.0): "quantities[1].values: expected names that end in _per_second, _seconds",
    add_figure("lost"): "extra_info.figures: expected names that end in",
    add_figure("lost_share", low=0.15): "extra_info.figures.lost_share: expected low <= value <= high",
    lambda tree: tree["benchmarks"][0]["extra_info"]["sample_size"].update(
        steps_per_call=0
    ): "extra_info.sample_size: expected a step",
    drop_sample: "$.benchmarks[0].stats.data",
    repeat_case: "$.benchmarks: expected each name once",
    rename: "$.benchmarks[0].name",
    rename_fully: "$.benchmarks[0].fullname",
    repeat_experiment: "$.autoencoder_bench.experiments: expected each name once",
    forget_status: "$.autoencoder_bench.experiments: expected",
    same_repetition_twice: "$.benchmarks[0].extra_info.processes",
    same_round_twice: "$.benchmarks[1].extra_info.processes[0].rounds",
    lambda tree: first_process(tree).update(first_step_seconds=0.0): "processes[0]: expected a first call",
    lambda tree: first_process(tree).update(host_peak_rss_bytes=-1): "host_peak_rss_bytes",
    lambda tree: tree["benchmarks"][0]["stats"].update(median=-1.0): "$.benchmarks[0].stats.median",
    lambda tree: tree["benchmarks"][2]["stats"]["data"].__setitem__(4, 0.0): "$.benchmarks[2].stats.data[4]",
    lambda tree: tree["benchmarks"][2]["stats"]["data"].__setitem__(4, 1e300): "$.benchmarks[2].stats.data[4]",
    lambda tree: first_experiment(tree)["cases"].extend(first_experiment(tree)["cases"] * 200): "1000 cases at most",
    lambda tree: first_experiment(tree)["preset"].update(looks=[]): "preset.looks",
    lambda tree: first_experiment(tree)["control"]["ratio"].update(
        low=2.0
    ): "$.autoencoder_bench.experiments[0].control.ratio",
}


@pytest.mark.parametrize("change", CHANGES, ids=list(CHANGES.values()))
def test_contradictions_are_named_with_their_place(change):
    tree = upgrade(json.loads(GOLDEN))
    assert consistency.first_problem(msgspec.convert(tree, Document)) is None
    change(tree)
    assert CHANGES[change] in consistency.first_problem(msgspec.convert(tree, Document))
