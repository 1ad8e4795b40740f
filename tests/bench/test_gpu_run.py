"""What a run does on a GPU, with the driver's files and TensorFlow's view of the device stood in for."""

import sys
from pathlib import Path

import msgspec
import pytest

from bench import device
from bench.against import Against
from bench.errors import ExitCode, UsageError
from bench.observe import nvml
from bench.run import Options, run

STAND_IN = Path(__file__).parent / "measure" / "gpu_stand_in_server.py"


@pytest.fixture
def driver(monkeypatch):
    monkeypatch.setattr(device, "driver_sign", lambda root=None: "/dev/nvidiactl")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def options(out, tiny, **changes):
    preset = msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10)
    return Options(**{"preset": preset, "out": out, "data": "sample", "profile": False, **changes})


def test_a_gpu_run_checks_twice_and_says_what_it_saw(tmp_path, tiny, listener, driver):
    command = (sys.executable, str(STAND_IN))
    outcome = run(options(tmp_path, tiny, only=("xla/resident",), server_command=command), listener)
    assert outcome.exit_code == ExitCode.OK
    assert listener.lines[0].startswith("Device: GPU")
    assert "TensorFlow sees Stand-in GPU." in listener.lines
    section = outcome.document.autoencoder_bench
    assert (section.device.kind, section.device.name) == ("gpu", "Stand-in GPU")
    assert section.device.environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert section.software.cuda == "12.5.1"
    assert "-gpu" in outcome.folder.name
    for benchmark in outcome.document.benchmarks:
        strict, timed = benchmark.extra_info.same_model
        assert (strict.tf32, strict.limit, strict.passed) == (False, 1e-4, True)
        assert (timed.tf32, timed.limit, timed.passed) == (True, 1e-2, True)


def test_with_tf32_off_one_strict_check_is_enough(tmp_path, tiny, listener, driver):
    command = (sys.executable, str(STAND_IN))
    outcome = run(options(tmp_path, tiny, only=("function/resident",), tf32=False, server_command=command), listener)
    for benchmark in outcome.document.benchmarks:
        (check,) = benchmark.extra_info.same_model
        assert (check.tf32, check.limit) == (False, 1e-4)


def test_a_card_for_one_process_gets_one_at_a_time(tmp_path, tiny, listener, driver, monkeypatch):
    monkeypatch.setenv("STAND_IN_LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(nvml, "admits_one_process", lambda card: card == "0")
    command = (sys.executable, str(STAND_IN))
    outcome = run(options(tmp_path / "out", tiny, only=("xla/resident",), server_command=command), listener)
    assert outcome.exit_code == ExitCode.OK  # a second process at a time would have failed
    section = outcome.document.autoencoder_bench
    assert section.plan.interleaved is False
    assert any("one process at a time" in line for line in listener.lines)
    (cohort,) = section.cohorts
    assert sorted(cohort.order[::2]) == [(0,), (1,), (2,)]
    assert cohort.order[::2] == cohort.order[1::2]  # both rounds of a case, then the next case
    for benchmark in outcome.document.benchmarks:
        # Of the same numbers, so that ratios can be taken, which carry the drift.
        assert benchmark.extra_info.replicates[0].rounds == (0, 1)
        assert benchmark.name == "function/resident" or benchmark.extra_info.ratio_to_reference.value is not None
        assert len(benchmark.stats.data) == 2
        assert len(benchmark.extra_info.same_model) == 2
        assert benchmark.extra_info.latency is not None


def test_two_interpreters_cannot_take_turns_on_such_a_card(tmp_path, tiny, listener, driver, monkeypatch):
    monkeypatch.setattr(nvml, "admits_one_process", lambda card: True)
    with pytest.raises(UsageError, match="one process at a time"):
        run(options(tmp_path, tiny, against=Against(Path(sys.executable), "same")), listener)
    assert list(tmp_path.iterdir()) == []


def test_side_by_side_such_a_card_fails_all_but_one(tmp_path, tiny, listener, driver, monkeypatch):
    """The stand-in's lock does refuse: without the mode known, one worker gets the card and the others fail."""
    monkeypatch.setenv("STAND_IN_LOCK", str(tmp_path / "lock"))
    command = (sys.executable, str(STAND_IN))
    outcome = run(options(tmp_path / "out", tiny, only=("xla/resident",), server_command=command), listener)
    assert outcome.exit_code == ExitCode.FAILED
    failures = [case.failure for case in outcome.document.autoencoder_bench.cases if case.failure]
    assert len(failures) == 2
    assert "BlockingIOError" in failures[0].reason


def test_a_driver_without_a_gpu_for_tensorflow_is_an_error_with_its_cause(tmp_path, tiny, listener, driver):
    """The real TensorFlow of this environment, told that a driver is there: never a silent run on the CPU."""
    if any(Path(sign).exists() for sign in ("/dev/nvidiactl", "/dev/dxg")):
        pytest.skip("there is a driver here")
    with pytest.raises(UsageError, match="TensorFlow sees no GPU") as caught:
        run(options(tmp_path, tiny), listener)
    assert "--device cpu" in str(caught.value)
