"""python -m autoencoder, as its users run it."""

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import patience
from typer.testing import CliRunner

from autoencoder import training
from autoencoder.__main__ import app

OUTPUTS = {
    "architecture.png",
    "encodings.png",
    "loss.png",
    "losses.csv",
    "originals.png",
    "reconstructions.png",
    "weights.npz",
}


def run(*arguments):
    command = [sys.executable, "-m", "autoencoder", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience.limit(300), check=False)


def losses(path):
    with Path(path).open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(len(rows)))
    return np.array([float(row["loss"]) for row in rows])


def test_seed_1234_gives_the_notebooks_own_losses(full_set, tmp_path):
    done = run("--seed", 1234, "--steps", 200, "--data", full_set, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == OUTPUTS
    ours = losses(tmp_path / "losses.csv")
    notebooks = losses(Path(__file__).with_name("notebook-losses-seed-1234.csv"))
    assert len(ours) == len(notebooks) == 201
    np.testing.assert_allclose(ours[:50], notebooks[:50], rtol=1e-5)
    lines = [line for line in done.stdout.splitlines() if line.startswith("step: ")]
    assert len(lines) == 11  # every tenth of the steps, both ends included
    assert lines[0] == f"step: 0, loss: {ours[0]:f}"
    with np.load(tmp_path / "weights.npz") as weights:
        assert weights["encoder_h1"].shape == (784, 128)
        assert weights["decoder_b2"].shape == (784,)


def test_the_other_modes_train_the_same_model(tmp_path, monkeypatch):
    """In this process, to see which step is asked for."""
    asked, make_step = [], training.make_step

    def spy(parameters, optimizer, mode):
        asked.append(mode)
        return make_step(parameters, optimizer, mode)

    monkeypatch.setattr(training, "make_step", spy)
    trained = {}
    for mode in training.MODES:
        arguments = ["--seed", "5", "--steps", "20", "--mode", mode, "--data", "sample", "--out", str(tmp_path)]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        assert "Packaged sample" in done.output
        trained[mode] = losses(tmp_path / "losses.csv")
    assert asked == list(training.MODES)
    np.testing.assert_allclose(trained["function"], trained["eager"], rtol=1e-5)
    np.testing.assert_allclose(trained["xla"], trained["eager"], rtol=1e-5)


def test_without_tensorflow_one_line_names_the_extra(tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find_spec(name))
    done = CliRunner().invoke(app, ["--data", "sample", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "extra `cpu`" in done.output


def test_a_picture_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "loss.png").mkdir()
    done = CliRunner().invoke(app, ["--steps", "1", "--data", "sample", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "loss.png" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "no/such/folder"), "no/such/folder"),
        (("--data", "~nosuchuser/x"), "nosuchuser"),
        (("--data", ""), "--data"),
        (("--data", "x" * 300), "too long"),
        (("--steps", "0"), "--steps"),
        (("--mode", "jax"), "--mode"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_bad_usage_exits_with_2_and_says_why(tmp_path, arguments, message):
    done = run("--out", tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_found_before_training(tmp_path):
    (tmp_path / "file").touch()
    done = run("--data", "sample", "--out", tmp_path / "file" / "out")
    assert done.returncode == 2
    assert "--out" in done.stderr
