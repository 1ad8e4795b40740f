"""The files of a training run are read with care: they may come from anywhere."""

import numpy as np
import pytest

from bench.report import training


@pytest.mark.parametrize(
    ("content", "losses"),
    [
        ("step,loss\n0,0.25\n1,0.125\n", [0.25, 0.125]),
        ("step,loss\n0,a\n", []),
        ("step,loss\n0\n", []),
        ("step,loss\n0,nan\n", []),
        ("step,loss\n0,-1\n", []),
        ("", []),
        pytest.param(b"\xff\xfe", [], id="no text"),
    ],
)
def test_losses_are_read_or_are_none(tmp_path, content, losses):
    (tmp_path / "plots").mkdir()
    path = tmp_path / "plots" / "losses.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert training.read_losses(tmp_path) == losses


def test_a_folder_without_losses_has_none(tmp_path):
    assert training.read_losses(tmp_path) == []


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "losses.csv").write_text("step,loss\n0,0.25\n")
    monkeypatch.setattr(training, "MOST_BYTES", 10)
    assert training.read_losses(tmp_path) == []


def test_the_table_has_the_first_and_the_last_step():
    losses = list(np.linspace(1, 0.5, 1001))
    rows = training.table(losses).rows
    assert rows[0] == ("0", "1.0000")
    assert rows[-1] == ("1,000", "0.5000")
    assert training.table([0.5]).rows == (("0", "0.5000"),)


def test_only_a_plot_is_taken_in(tmp_path):
    path = tmp_path / "a.png"
    assert training.image(path, "a") is None
    path.write_text("<svg onload='alert(1)'/>")
    assert training.image(path, "a") is None
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(10))
    assert training.image(path, '"><script>') == (
        '<img alt="&quot;&gt;&lt;script&gt;" src="data:image/png;base64,iVBORw0KGgoAAAAAAAAAAAAA">'
    )
