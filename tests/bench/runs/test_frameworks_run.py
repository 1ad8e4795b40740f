"""A whole run in TensorFlow and JAX, in the same rounds; what disagrees or is missing costs itself only."""

import sys

import msgspec
import pytest
from support import peers

from bench.report import summary
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options

# JAX with another epsilon in its Adam: a step that is another model.
OTHER_EPSILON = """
import runpy
import bench.backends.keras_adam as adam
adam.EPSILON = 1e-3
runpy.run_module("bench.worker.server", run_name="__main__")
"""


class View:
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)

    def stage(self, text, fraction):
        pass

    milestone = advance = stage

    def figures(self, document):
        pass


def measured(tiny, folder, python, only):
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(2,), training_steps=10),
        experiments=("frameworks",),
        only=only,
        frameworks={"jax": python},
        out=folder,
        data="sample",
        device="cpu",
        server_command=(sys.executable, "-P", "-m", "bench.worker.server"),
    )
    return run(options, View())


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, tiny):
    only = ("tensorflow/xla-loop*", "jax/scan*", "jax/jit-optax")
    return measured(tiny, tmp_path_factory.mktemp("results"), peers.python("jax"), only)


def test_both_are_measured_in_the_same_rounds_and_are_the_same_model(outcome):
    document = files.read(outcome.folder / "result.json")
    found = {one.name: one.extra_info for one in document.benchmarks}
    assert {"tensorflow/function", "tensorflow/xla-loop-fused", "jax/scan-1", "jax/scan-25"} <= set(found)
    for name, info in found.items():
        (check, *_) = info.same_model
        assert check.passed is (None if name == "jax/jit-optax" else True), name
        assert info.ratio_to_reference.value or name == "tensorflow/function"
    assert found["jax/scan-25"].sample_size.steps_per_call == 25
    assert found["jax/jit-optax"].same_model[0].largest_relative_difference > 1e-3


def test_what_only_tensorflow_has_is_left_out_of_the_others(outcome):
    found = {one.name: one.extra_info for one in files.read(outcome.folder / "result.json").benchmarks}
    assert found["tensorflow/function"].profile is not None
    assert found["jax/scan-25"].profile is None
    assert not (outcome.folder / "plots" / "cases" / "frameworks-jax-scan-25.png").exists()


def test_versions_and_threads_are_in_the_result(outcome):
    facts = outcome.document.autoencoder_bench.facts["jax"]
    assert facts["jax"].value.count(".") == 2
    assert facts["threads"].value >= 1


def test_the_screen_names_the_fastest_and_what_a_call_costs(outcome):
    said = summary.findings_of(next(iter(outcome.document.parts())))
    assert any(sentence.startswith("Fastest: ") for sentence in said)
    assert any("fitted from 1 and 25 steps a call" in sentence for sentence in said)


def test_an_update_that_disagrees_gets_no_speed(tmp_path, tiny):
    jax = peers.python("jax")
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
case "$*" in *bench.worker.server*) shift 3; exec {jax} -P -c '{OTHER_EPSILON}' "$@";; esac
exec {jax} "$@"
"""
    )
    python.chmod(0o755)
    outcome = measured(tiny, tmp_path / "results", python, ("jax/jit",))
    states = {case.name: case for case in outcome.document.experiment.cases}
    assert states["jax/jit"].status == "mismatch"
    assert "losses differ from eager's by" in states["jax/jit"].failure.reason
    assert states["tensorflow/function"].status == "measured"
