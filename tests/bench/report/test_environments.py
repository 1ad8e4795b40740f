"""What is said of cases under other variables of the environment: each against itself under the usual ones."""

import msgspec
import numpy as np
import pytest
from support import documents

from bench.experiments.registry import EXPERIMENTS
from bench.report import environments, findings, summary
from bench.results import files
from bench.results.json_schema import generate

SLOWER, SAME = "OMP_NUM_THREADS=1", "XLA_FLAGS=--a=1"
TIMES = {
    "function/resident": 2e-3,
    "xla/resident": 1.5e-3,
    f"function/resident/{SLOWER}": 2.5e-3,
    f"xla/resident/{SLOWER}": 1.5e-3,
    f"xla/resident/{SAME}": 1.5e-3,
    "function/resident/control": 2e-3,
}
AXES = {"environment": (SLOWER, SAME)}


@pytest.fixture(scope="module")
def made():
    samples = documents.simulate(np.random.default_rng(3), times=TIMES, sample=0.005, process=0.002, server=0.002)
    return documents.document(samples, axes=AXES)


def test_each_case_is_held_against_itself_under_the_usual_variables(made):
    found = {one.benchmark.name: one.speed for one in environments.changes(made)}
    assert list(found) == [name for name in TIMES if "=" in name]
    ratio = found[f"function/resident/{SLOWER}"]
    assert ratio.low < 0.8 < ratio.high
    assert ratio.high < 0.85
    assert ratio.confidence == pytest.approx(1 - 0.05 / 3)  # three of them together


def test_the_first_call_is_compared_too(made):
    longer = tuple(
        msgspec.structs.replace(
            one,
            extra_info=msgspec.structs.replace(
                one.extra_info,
                processes=tuple(
                    msgspec.structs.replace(process, first_step_seconds=2 * process.first_step_seconds)
                    for process in one.extra_info.processes
                ),
            ),
        )
        if one.name == f"xla/resident/{SAME}"
        else one
        for one in made.benchmarks
    )
    changes = environments.changes(msgspec.structs.replace(made, benchmarks=longer))
    assert {one.benchmark.name: round(one.first_call.value, 6) for one in changes} == {
        f"function/resident/{SLOWER}": 1.0,
        f"xla/resident/{SLOWER}": 1.0,
        f"xla/resident/{SAME}": 2.0,
    }


def test_a_sentence_for_each_environment_says_what_is_sure(made):
    first, second = environments.findings(made)
    assert first.startswith(f"With {SLOWER}: function/resident 0.8")
    assert "(slower), xla/resident" in first
    assert second.startswith(f"With {SAME}: xla/resident")
    assert "(inconclusive)" in second
    assert second.endswith("of the steps/s without it (98.33% intervals, since 3 were compared).")


def test_what_is_said_of_the_experiment_is_of_the_usual_variables_alone(made):
    without = environments.usual(made)
    assert [one.name for one in without.benchmarks] == [name for name in TIMES if "=" not in name]
    said = findings.findings_of(made)
    assert said[: -len(list(environments.findings(made)))] == findings.findings_of(without)
    assert [row[0] for row in summary.table_of(made).rows] == ["function/resident", "xla/resident"]


def test_without_other_variables_nothing_is_said():
    plain = documents.document(documents.simulate(np.random.default_rng(1)))
    assert (list(environments.findings(plain)), environments.tables(plain)) == ([], [])


def test_a_case_without_its_counterpart_is_left_out(made):
    alone = tuple(one for one in made.benchmarks if one.name != "xla/resident")
    found = environments.changes(msgspec.structs.replace(made, benchmarks=alone))
    assert [one.benchmark.name for one in found] == [f"function/resident/{SLOWER}"]


def test_such_a_result_is_valid_and_comes_back(made, tmp_path):
    import jsonschema

    path = tmp_path / "result.json"
    files.write(made, path)
    jsonschema.validate(msgspec.json.decode(path.read_bytes()), generate())
    again = files.read(path)
    assert [one.extra_info.case.environment for one in again.benchmarks][2:5] == [SLOWER, SLOWER, SAME]
    assert [one.fullname for one in again.benchmarks] == [f"modes/{name}" for name in TIMES]


def test_the_axis_goes_with_every_experiment():
    from bench.experiments.base import cases_of

    for one in EXPERIMENTS.values():
        cases = cases_of(one, {"environment": ("default", SAME)})
        usual = [case for case in cases if case.environment == "default"]
        assert usual == list(cases_of(one))
        assert len(cases) - len(usual) == len([case for case in usual if not case.control])
