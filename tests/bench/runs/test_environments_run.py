"""Whole runs under other variables of the environment: what each process gets, and what breaks its own cases only."""

import sys

import msgspec
import pytest

from bench.errors import ExitCode
from bench.plan.case import parse_axis
from bench.run.execute import run
from bench.run.options import Options

# A server that ends while it loads where this variable is set, as some libraries do of a value that they do not know.
BREAKS = "BENCH_TEST_BREAKS=1"
SERVER = """
import os, runpy, sys
sys.exit(3) if os.environ.get("BENCH_TEST_BREAKS") else None
sys.argv[0] = "server"
runpy.run_module("bench.worker.server", run_name="__main__")
"""
UNKNOWN, EARLY, LATE = "XLA_FLAGS=--xla_no_such_flag=1", "OMP_NUM_THREADS=1", "XLA_FLAGS=--xla_embed_ir_in_executable"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, tiny):
    axis, values = parse_axis(f"environment=default;{UNKNOWN};{EARLY};{LATE};{BREAKS}")
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(1,), training_steps=10),
        only=("xla/resident",),
        axes={axis: values},
        out=tmp_path_factory.mktemp("results"),
        data="sample",
        device="cpu",
        profile=False,
        server_command=(sys.executable, "-P", "-c", SERVER),
    )

    class View:
        def say(self, text):
            pass

        def stage(self, text, fraction):
            pass

        milestone = advance = stage

        def figures(self, document):
            pass

    return run(options, View())


def states(outcome):
    return {case.name: case for case in outcome.document.experiment.cases}


def test_the_usual_cases_are_measured_and_those_that_start(outcome):
    found = states(outcome)
    measured = [name for name, case in found.items() if case.status == "measured"]
    assert {"function/resident", "xla/resident", f"xla/resident/{EARLY}", f"xla/resident/{LATE}"} <= set(measured)
    assert outcome.exit_code == ExitCode.FAILED


def test_a_flag_that_xla_does_not_know_ends_its_own_case_with_xlas_own_line(outcome):
    case = states(outcome)[f"xla/resident/{UNKNOWN}"]
    assert case.status == "failed"
    assert "Unknown flag in XLA_FLAGS: --xla_no_such_flag=1" in case.failure.reason
    assert (outcome.folder / case.failure.log).is_file()


def test_a_server_that_does_not_start_costs_its_own_cases_only(outcome):
    case = states(outcome)[f"xla/resident/{BREAKS}"]
    assert case.status == "failed"
    assert "ended while it loaded its framework" in case.failure.reason
    assert (outcome.folder / case.failure.log).is_file()


def test_the_result_names_each_environment(outcome):
    found = {one.name: one.extra_info.case.environment for one in outcome.document.benchmarks}
    assert found[f"xla/resident/{EARLY}"] == EARLY
    assert found["xla/resident"] == "default"
    assert ";" in outcome.document.autoencoder_bench.plan.command
