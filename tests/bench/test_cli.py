"""The command line as its users meet it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from support import patience

from bench.__main__ import app
from bench.results.schema import SCHEMA_VERSION

BENCH = Path(sys.executable).with_name("bench")


def bench(*arguments, **environment):
    command = [str(BENCH), *map(str, arguments)]
    variables = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=patience.limit(120), check=False, env=variables
    )


def test_list_shows_every_case_and_preset():
    done = bench("list")
    assert done.returncode == 0
    for word in ("eager/resident", "xla/notebook", "function/resident/control", "quick", "standard", "thorough"):
        assert word in done.stdout


@pytest.mark.parametrize(
    "command", ["run", "profile", "compare", "report", "tensorboard", "doctor", "list", "validate"]
)
def test_every_command_has_help_and_every_option_an_explanation(command):
    group = typer.main.get_command(app)
    assert group.commands[command].help
    for parameter in group.commands[command].params:
        assert parameter.help, parameter.name
    assert bench(command, "--help").returncode == 0


def test_validate_says_what_is_in_a_file(finished):
    done = bench("validate", finished[0].folder / "result.json")
    assert done.returncode == 0
    assert f"valid, schema {SCHEMA_VERSION}, complete, 7 cases" in done.stdout


def test_validate_refuses_with_2_and_one_line(tmp_path):
    (tmp_path / "a.json").write_text("{")
    done = bench("validate", tmp_path / "a.json")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "a.json" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--device", "gpu"), "No GPU"),
        (("--experiment", "mode"), "Did you mean modes"),
        (("--only", "xla", "--experiment", "modes"), "xla/resident"),
        (("--preset", "quik"), "quik"),
        (("--seed", "-4"), "--seed"),
        (("--data", "nowhere"), "nowhere"),
        (("--out", "/proc/nothing"), "--out"),
        (("--gpu", "0"), "No GPU"),
        (("--experiment", "modes", "--memory", "growth"), "--experiment memory"),
        (("--batch-sizes", "0"), "1 to 262,144"),
        (("--experiment", "memory", "--memory", "grwth"), "Known: default, growth"),
        (("--experiment", "memory", "--memory-fraction", "2"), "at most 1"),
    ],
)
def test_bad_usage_exits_with_2_before_measuring(tmp_path, arguments, message):
    from bench.machine.device import driver_sign

    if "GPU" in message and driver_sign():
        pytest.skip("there is a driver here")
    done = bench("run", "--out", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "repetition" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Say --rank and --ranks"),
        (("--rank", "0", "--ranks", "2"), "Say --coordinator HOST"),
        (("--rank", "2", "--ranks", "2", "--coordinator", "127.0.0.1"), "of 2 ranks it is 0 to 1"),
        (("--rank", "0", "--ranks", "2", "--coordinator", "192.0.2.1"), "an address of this host"),
        (("--rank", "0", "--ranks", "2", "--coordinator", "127.0.0.1:0x"), "is no address"),
        (("--rank", "0", "--ranks", "2", "--coordinator", "127.0.0.1", "--axis", "devices=4"), "Leave it out"),
        (("--rank", "0", "--ranks", "3", "--coordinator", "127.0.0.1:45999", "--wait", "1"), "have not come"),
        (("--rank", "1", "--ranks", "2", "--coordinator", "127.0.0.1:45998", "--wait", "1"), "Rank 0 does not answer"),
        (("--rank", "0", "--ranks", "5", "--coordinator", "127.0.0.1", "--axis", "batch_size=64"), "share it evenly"),
    ],
)
def test_a_rank_without_a_place_or_others_exits_with_2(tmp_path, arguments, message):
    done = bench("rank", "--device", "cpu", "--data", "sample", "--out", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("devices=4096", "may be used here"),
        ("strategy=mirored", "Did you mean mirrored"),
        ("mode=eager", "share a step"),
    ],
)
def test_devices_that_there_are_not_are_refused(tmp_path, axis, message):
    done = bench(
        "run", "--device", "cpu", "--data", "sample", "--out", tmp_path, "--experiment", "scaling", "--axis", axis
    )
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("precision=mixed_bfloat61", "no precision 'mixed_bfloat61'. Did you mean mixed_bfloat16 or mixed_float16?"),
        ("precision=default", "it is one of float32, tf32, mixed_bfloat16, mixed_float16"),
        ("mode=xla-fused", "a step is cast in one of eager, function, xla"),
    ],
)
def test_precisions_that_there_are_not_are_refused(tmp_path, axis, message):
    done = bench(
        "run", "--device", "cpu", "--data", "sample", "--out", tmp_path, "--experiment", "precision", "--axis", axis
    )
    assert done.returncode == 2
    assert message in done.stderr


def writing_end(pipe):
    """The named pipe opened for writing, or None while nobody has opened it for reading."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_a_signal_before_measuring_ends_with_130(tmp_path):
    """While the data are being read: here from a named pipe that is open and into which nobody writes.

    Its writing end stays open until the command has ended. Closed earlier it would be the end of an empty file, and the
    command would be ending by itself when the signal arrives.
    """
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        os.mkfifo(tmp_path / f"{name}-ubyte.gz")
    command = [str(BENCH), "run", "--device", "cpu", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        end = patience.eventually(lambda: writing_end(tmp_path / "train-images-idx3-ubyte.gz"))
        process.terminate()
        _, errors = process.communicate(timeout=patience.limit(60))
        os.close(end)
    assert process.returncode == 130
    assert "bench: interrupted" in errors


def test_without_tensorflow_one_line_names_the_extra(tmp_path):
    """A module that hides TensorFlow from the import system, as if it had never been installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'tensorflow' else real(name, *rest)\n"
    )
    done = bench("run", "--device", "cpu", "--data", "sample", "--out", tmp_path / "out", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "extra `cpu`" in done.stderr
    assert "`gpu`" in done.stderr
