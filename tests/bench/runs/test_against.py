"""A second interpreter in the same rounds: which is accepted, and what a whole run with one leaves."""

import sys
from pathlib import Path

import msgspec
import pytest

from bench.errors import ExitCode, UsageError
from bench.measure.entry import BASE
from bench.measure.settings import Settings
from bench.results import files
from bench.run import against, gate, interpreters
from bench.run.against import Against
from bench.run.execute import run
from bench.run.options import Options

OURS = {"tensorflow": ("ours",)}
SLOW_SERVER = Path(__file__).parents[2] / "calibration" / "slow_server.py"


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def other(tmp_path):
    """Another path to this interpreter, as a second virtual environment would have."""
    return script(tmp_path / "python", f'exec {sys.executable} "$@"')


def test_an_interpreter_and_its_label(other, tmp_path):
    assert against.parse(str(other)) == Against(other, "base")
    assert against.parse(f"{other}=tf-2.20") == Against(other, "tf-2.20")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    inside = script(tmp_path / "venv" / "bin" / "python", "true")
    assert against.parse(f"{tmp_path / 'venv'}=old").python == inside
    odd = tmp_path / "with=sign"
    odd.mkdir()
    assert against.parse(str(script(odd / "python", "true"))) == Against(odd / "python", "base")


@pytest.mark.parametrize("text", ["no/such/python", "no/such/python=label", "=label", ""])
def test_what_is_no_interpreter_is_refused(text):
    with pytest.raises(UsageError, match="--against"):
        against.parse(text)


def test_an_unfit_label_is_refused(other):
    with pytest.raises(UsageError, match="label"):
        against.parse(f"{other}=no spaces")


def test_this_interpreter_will_do(other):
    commands = against.check(Against(other, "same"), OURS)
    assert commands == {"tensorflow": (str(other), "-P", "-m", "bench.worker.server")}


def test_an_interpreter_without_the_suite_is_refused():
    with pytest.raises(UsageError, match="not installed there"):
        against.check(Against(Path(sys._base_executable), "bare"), OURS)


def test_another_protocol_is_refused(other, monkeypatch):
    monkeypatch.setattr(interpreters, "PROTOCOL_VERSION", 99)
    with pytest.raises(UsageError, match=r"speaks worker protocol \d, this one 99: .*`bench compare`"):
        against.check(Against(other, "old"), OURS)


def test_an_interpreter_without_tensorflow_is_refused(tmp_path):
    without = script(
        tmp_path / "python", f'case "$3" in *find_spec*) echo False;; *) exec {sys.executable} "$@";; esac'
    )
    with pytest.raises(UsageError, match="TensorFlow is not installed there"):
        against.check(Against(without, "bare"), OURS)


def test_a_framework_that_it_has_not_is_measured_with_this_sides_interpreter(tmp_path):
    """As where it is about another JAX: TensorFlow is then the same on both sides."""
    only_jax = script(
        tmp_path / "python",
        f"""case "$3" in *"'jax'"*) echo True;; *find_spec*) echo False;; *) exec {sys.executable} "$@";; esac""",
    )
    ours = {**OURS, "jax": ("ours", "jax")}
    found = against.check(Against(only_jax, "other-jax"), ours)
    assert found == {**OURS, "jax": (str(only_jax), "-P", "-m", "bench.worker.server", "jax")}


def test_packages_of_ours_do_not_leak_into_it(other, tmp_path, monkeypatch):
    (tmp_path / "leak" / "bench").mkdir(parents=True)
    (tmp_path / "leak" / "bench" / "__init__.py").write_text("raise SystemExit('the wrong bench')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "leak"))
    against.check(Against(other, "clean"), OURS)


@pytest.fixture(scope="module")
def compared(tmp_path_factory, tiny):
    """A run in which every step of the new side is executed twice."""
    folder = tmp_path_factory.mktemp("pair")
    options = Options(
        preset=tiny,
        only=("function/notebook",),
        out=folder / "results",
        data="sample",
        device="cpu",
        profile=False,
        against=Against(script(folder / "python", f'exec {sys.executable} "$@"'), "unchanged"),
        server_command=(sys.executable, str(SLOW_SERVER), "1"),
    )
    stages = []

    class View:
        def say(self, text):
            pass

        def stage(self, text, fraction):
            stages.append(text)

        milestone = stage

        def figures(self, document):
            pass

        def advance(self, text, fraction):
            pass

    found = gate.run(options, gate.Wanted(), View())
    return found.outcome, found.comparison, found.exit_code, stages


def test_twice_the_work_is_called_slower(compared):
    outcome, comparison, exit_code, _ = compared
    assert comparison.kind == "side_by_side"
    assert (comparison.base.label, comparison.new.label) == ("unchanged", "new")
    unstable = outcome.base.experiment.control.unstable  # one run in a hundred
    verdicts = []
    for case in comparison.cases:
        assert case.state == "compared"
        assert case.speed.ratio.value < 1
        # Three short repetitions beside other tests: noise may be so large that even this is not certain.
        certain = not unstable and case.speed.adjusted_p < 0.05
        verdicts.append("SLOWER" if certain else "INCONCLUSIVE")
        assert case.verdict == verdicts[-1]
    assert exit_code == (ExitCode.REGRESSION if "SLOWER" in verdicts else ExitCode.OK)
    assert outcome.exit_code == ExitCode.OK


def test_both_sides_leave_a_result_of_the_same_rounds(compared):
    outcome = compared[0]
    new, base = (files.read(outcome.folder / name) for name in ("result.json", "base.json"))
    assert new.autoencoder_bench.pairing.id == base.autoencoder_bench.pairing.id
    assert [benchmark.name for benchmark in new.benchmarks] == ["function/resident", "function/notebook"]
    assert [benchmark.name for benchmark in base.benchmarks][-1] == "function/resident/control"
    assert base.experiment.control.unstable is not None
    assert new.experiment.control.ratio.reason
    for ours, theirs in zip(new.experiment.repetitions, base.experiment.repetitions, strict=True):
        assert ours.order == theirs.order
        assert ours.cases == (
            "function/resident",
            "function/notebook",
            "base:function/resident",
            "base:function/notebook",
            "base:function/resident/control",
        )
        assert all(sorted(order) == [0, 1, 2, 3, 4] for order in ours.order)
    for name in ("result.json", "base.json"):
        checks = [
            check.passed for b in files.read(outcome.folder / name).benchmarks for check in b.extra_info.same_model
        ]
        assert checks
        assert all(checks)


def test_the_base_side_is_only_timed(compared):
    outcome = compared[0]
    for benchmark in outcome.base.benchmarks:
        assert benchmark.extra_info.latency is None
        assert benchmark.extra_info.profile is None
    assert outcome.base.autoencoder_bench.training is None
    assert outcome.document.autoencoder_bench.training is not None
    assert all(b.extra_info.latency for b in outcome.document.benchmarks if not b.extra_info.case.control)


def test_every_interpreter_has_its_servers_and_the_control_one_of_its_own(compared):
    outcome, _, _, stages = compared
    for repetition in (1, 2, 3):
        logs = outcome.folder / "logs" / f"repetition-{repetition}"
        assert {"server.log", BASE} <= {path.name for path in logs.iterdir()}
        assert {"server.log", "control-server.log"} <= {path.name for path in (logs / BASE).iterdir()}
    assert "repetition 1/3: first call base:function/notebook" in stages


def test_a_gpu_that_holds_few_workers_gets_groups_with_the_reference_in_each(tmp_path, tiny, listener, monkeypatch):
    monkeypatch.setattr(Settings, "most_alive", 4)
    preset = msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=1)
    options = Options(
        preset=preset, only=("eager/*", "function/*"), out=tmp_path, data="sample", device="cpu", profile=False
    )
    outcome = run(options, listener)
    assert outcome.exit_code == ExitCode.OK
    (repetition,) = outcome.document.experiment.repetitions
    assert [len(order) for order in repetition.order] == [4, 4, 3, 3]
    fixed = {repetition.cases.index(name) for name in ("function/resident", "function/resident/control")}
    assert all(fixed <= set(order) for order in repetition.order)
    rounds = {b.name: b.extra_info.processes[0].rounds for b in outcome.document.benchmarks}
    assert rounds["function/resident"] == (0, 1, 2, 3)
    assert rounds["eager/resident"] == (0, 1)
    assert rounds["function/notebook"] == (2, 3)
    for benchmark in outcome.document.benchmarks:
        assert len(benchmark.extra_info.same_model) == 1
        assert (benchmark.extra_info.latency is None) == benchmark.extra_info.case.control
        if benchmark.name != "function/resident":
            assert benchmark.extra_info.ratio_to_reference.value is not None
