"""A run against a stored result: refused early where it cannot be compared, judged where it can."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate, with_experiment

from bench.compare import policy, stored_run
from bench.compare import verdict_tables as comparison
from bench.errors import ExitCode, NotComparable, ResultFileError, UsageError
from bench.machine import environment
from bench.output import grid
from bench.plan.preset import PRESETS
from bench.plan.workload import WORKLOAD
from bench.recording import fingerprint
from bench.results import files
from bench.run import baselines, gate, preflight
from bench.run.against import Against
from bench.run.gate import Wanted
from bench.run.options import Options
from bench.run.plan import experiment_names


@pytest.fixture
def options(tmp_path, tiny):
    preset = msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=1)
    return Options(
        preset=preset, only=("xla/resident",), out=tmp_path / "out", data="sample", device="cpu", profile=False
    )


def test_a_run_is_measured_and_compared_with_its_baseline(finished, options, listener):
    baseline = finished[0].folder
    found = gate.run(options, Wanted(baseline=baseline), listener)
    comparison = found.comparison
    assert found.outcome.exit_code == ExitCode.OK
    assert (comparison.kind, comparison.judged) == ("separate", True)
    # Of the baseline's cases only those that were asked for.
    assert {case.name: case.state for case in comparison.cases} == {
        "modes/function/resident": "compared",
        "modes/xla/resident": "compared",
    }
    assert {case.speed.reason for case in comparison.cases} == {"no_interval"}  # one repetition here
    assert (found.exit_code, found.trend, found.why_none) == (ExitCode.OK, None, None)


def stored(tmp_path, **changes):
    path = tmp_path / "baseline.json"
    files.write(document(simulate(np.random.default_rng(1)), **changes), path)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "e" * 64}, "other data"),
        ({"data": None, "gpu": "H100"}, "H100"),
        ({"data": None, "cpu": "Another CPU"}, "Another CPU"),
    ],
)
def test_a_baseline_that_cannot_be_compared_is_refused_before_measuring(
    tmp_path, finished, options, listener, changes, message
):
    changes = {"cpu": environment.cpu_name(), **changes}
    changes["data"] = changes["data"] or finished[0].document.autoencoder_bench.data.sha256
    with pytest.raises(NotComparable, match=message):
        gate.run(options, Wanted(baseline=stored(tmp_path, **changes)), listener)
    assert listener.stages == []
    assert not list((tmp_path / "out").iterdir())


def test_a_baseline_of_more_cores_than_may_be_used_is_refused_before_measuring(
    tmp_path, finished, options, listener, monkeypatch
):
    data = finished[0].document.autoencoder_bench.data.sha256
    baseline = stored(tmp_path, cpu=environment.cpu_name(), data=data)
    monkeypatch.setattr(fingerprint, "restrictions", lambda count, facts: {"usable_cores": 1})
    with pytest.raises(NotComparable, match="measured with all cores, and here it is usable cores 1"):
        gate.run(options, Wanted(baseline=baseline), listener)
    assert listener.stages == []


def test_a_baseline_about_other_cases_is_refused_before_measuring(finished, options, listener):
    other = replace(options, experiments=("roofline",), only=())
    with pytest.raises(NotComparable, match=r"none of these cases\. It is about modes"):
        gate.run(other, Wanted(baseline=finished[0].folder), listener)
    assert not any("TensorFlow" in line for line in listener.lines)


def test_without_a_name_the_baselines_experiments_are_measured(finished, options):
    of_all = replace(options, preset=PRESETS["standard"], only=())
    assert len(experiment_names(of_all)) == 5
    baseline = stored_run.load(finished[0].folder)
    assert experiment_names(replace(of_all, baseline=baseline)) == ("modes",)
    assert experiment_names(replace(of_all, axes={"batch_size": (8,)}, baseline=baseline)) == ("batch",)
    assert experiment_names(replace(of_all, experiments=("memory",), baseline=baseline)) == ("memory",)


def test_another_workload_is_refused_before_measuring(finished, options, listener, monkeypatch):
    another = replace(WORKLOAD, parameters={**WORKLOAD.parameters, "version": 2})
    monkeypatch.setattr(preflight, "WORKLOAD", another)
    with pytest.raises(NotComparable, match="another model"):
        gate.run(options, Wanted(baseline=finished[0].folder), listener)
    assert listener.stages == []


def test_an_unreadable_baseline_is_refused_before_measuring(tmp_path, options, listener):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ResultFileError):
        gate.run(options, Wanted(baseline=tmp_path / "bad.json"), listener)
    assert listener.lines == []


def test_contradicting_wishes_are_refused(tmp_path, options, listener):
    with pytest.raises(UsageError, match="--against"):
        gate.run(replace(options, against=Against(tmp_path, "x")), Wanted(baseline=tmp_path / "a.json"), listener)
    with pytest.raises(UsageError, match="--strict"):
        gate.run(options, Wanted(fail_on=policy.STRICT), listener)
    with pytest.raises(UsageError, match="--history"):
        gate.run(options, Wanted(history=tmp_path), listener)
    with pytest.raises(UsageError, match="no such folder"):
        gate.run(options, Wanted(baseline=tmp_path / "a.json", history=tmp_path / "typo"), listener)
    assert listener.lines == []


def kept(finished, folder, days):
    """The finished run as baselines of several days, their speeds as they were on this one."""
    whole = finished[0].document
    # What two measurements of one case differ by on a busy machine is no matter here.
    ratio = msgspec.structs.replace(
        whole.experiment.control.ratio, value=1.0, low=0.99, high=1.01, confidence=0.99, repetitions=3
    )
    control = msgspec.structs.replace(whole.experiment.control, ratio=ratio, unstable=False)
    whole = with_experiment(whole, control=control)
    for day in days:
        started = whole.datetime.replace(whole.datetime[:10], f"2026-01-{day:02}")
        (folder / "x").mkdir(parents=True, exist_ok=True)
        files.write(msgspec.structs.replace(whole, datetime=started), folder / "x" / f"{day}.json")


@pytest.fixture
def measured_already(finished, monkeypatch):
    """What is tested is the judging: the run is one that was measured before."""
    monkeypatch.setattr(gate.runner, "run", lambda options, view: finished[0])


@pytest.mark.usefixtures("measured_already")
def test_the_newest_baseline_that_fits_decides_and_the_oldest_shows_the_trend(finished, options, listener):
    folder = options.out / baselines.FOLDER
    kept(finished, folder, (1, 2, 3))
    found = gate.run(options, Wanted(baselines=folder), listener)
    assert found.why_none is None
    assert found.comparison.base.datetime.startswith("2026-01-03")
    assert found.trend.base.datetime.startswith("2026-01-01")
    assert found.comparison.noise.runs == 2  # all but the one that is judged by
    assert len(found.comparison.cases) == 6
    assert found.exit_code == ExitCode.OK
    assert any(line.startswith("Baselines: 3 in ") for line in listener.lines)
    text = grid.markdown(comparison.trend(found.trend))
    assert "the oldest baseline" in text[0]


@pytest.mark.usefixtures("measured_already")
def test_of_many_baselines_the_last_say_what_runs_vary_by_and_the_first_shows_the_trend(finished, options, listener):
    folder = options.out / baselines.FOLDER
    kept(finished, folder, range(1, 25))
    found = gate.run(options, Wanted(baselines=folder), listener)
    assert found.comparison.base.datetime.startswith("2026-01-24")
    assert found.comparison.noise.runs == 20
    assert found.trend.base.datetime.startswith("2026-01-01")


@pytest.mark.usefixtures("measured_already")
@pytest.mark.parametrize(
    ("fail_on", "code"),
    [(policy.USUAL, ExitCode.OK), (("no-baseline",), ExitCode.NOT_COMPARABLE)],
    ids=["usual", "no-baseline"],
)
def test_without_a_baseline_that_fits_it_says_so(options, listener, fail_on, code):
    found = gate.run(options, Wanted(baselines=options.out / baselines.FOLDER, fail_on=fail_on), listener)
    assert found.ended[0].startswith(f"Judged: nothing, since no baseline matches: there is none yet. Exit code {code}")
    assert (found.comparison, found.trend, found.exit_code) == (None, None, code)
    assert found.why_none == "there is none yet"
    assert any(line.startswith("Baselines: none yet") for line in listener.lines)
    assert "bench baseline" in comparison.without_baseline(found.why_none)


def test_a_broken_baseline_is_named_before_measuring(tmp_path, options, listener):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ResultFileError, match=r"bad\.json"):
        gate.run(options, Wanted(baselines=tmp_path), listener)
    assert listener.lines == []
