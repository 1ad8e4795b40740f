"""What the noxfile tells the suite about how it was called: a command that works in the user's shell."""

import importlib.util
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def noxfile():
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("script", "on_path", "said"),
    [
        pytest.param("{here}/.venv/bin/nox", False, ".venv/bin/nox", id="below this folder"),
        pytest.param("{here}/my env/bin/nox", False, "'my env/bin/nox'", id="with a space"),
        pytest.param("{other}/bin/nox", True, "nox", id="found by its name"),
        pytest.param("{other}/bin/nox", False, "{other}/bin/nox", id="elsewhere"),
        pytest.param("{other}/.cache/uv/archive-v0/Ab1/bin/nox", True, "uvx nox", id="uvx"),
        pytest.param("{other}/.local/pipx/.cache/0f/bin/nox", True, "pipx run nox", id="pipx run"),
    ],
)
def test_how_nox_was_called(noxfile, tmp_path, monkeypatch, script, on_path, said):
    here, other = tmp_path / "here", tmp_path / "other"
    here.mkdir()
    path = Path(script.format(here=here, other=other))
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "argv", [str(path)])
    monkeypatch.setenv("PATH", str(path.parent) if on_path else "/nowhere")
    assert noxfile.called_as() == {"BENCH_NOX": said.format(here=here, other=other)}


def test_as_a_module_it_is_this_python(noxfile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "nox" / "__main__.py")])
    assert shlex.split(noxfile.called_as()["BENCH_NOX"]) == [sys.executable, "-m", "nox"]
