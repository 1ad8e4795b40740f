"""python -m autoencoder, as its users run it."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


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


@pytest.mark.parametrize("mode", ["function", "xla"])
def test_the_other_modes_train_the_same_model(tmp_path, mode):
    done = run("--seed", 5, "--steps", 20, "--mode", mode, "--data", "sample", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "packaged sample" in done.stderr
    trained = losses(tmp_path / "losses.csv")
    assert trained[-1] < trained[0] / 1.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "no/such/folder"), "no/such/folder"),
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


def test_an_unwritable_folder_is_found_before_training(tmp_path):
    (tmp_path / "file").touch()
    done = run("--data", "sample", "--out", tmp_path / "file" / "out")
    assert done.returncode == 2
    assert "--out" in done.stderr
