"""A tilde is the home folder wherever a path is taken."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.__main__ import app
from bench.errors import UsageError
from bench.recording import paths


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_home_folder_and_everything_else():
    assert paths.user_path("~/x") == Path.home() / "x"
    assert paths.user_path("a/~/x") == Path("a/~/x")
    assert paths.user_path(Path("results")) == Path("results")


def test_a_home_that_nobody_has_is_an_error():
    with pytest.raises(UsageError, match="~nosuchuser"):
        paths.user_path("~nosuchuser/x")


@pytest.mark.parametrize(
    "words",
    [
        ["report", "~/result.json", "--out=~/report"],
        ["compare", "~/result.json", "~/second.json", "--history=~"],
        ["validate", "~/result.json"],
        ["baseline", "~/result.json", "--out=~/results"],
    ],
)
def test_every_command_takes_it(words, home, reference, monkeypatch, tmp_path_factory):
    for name in ("result.json", "second.json"):
        (home / name).write_bytes((reference / name).read_bytes())
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    done = CliRunner().invoke(app, words)
    assert done.exit_code in (0, 3), done.output
    assert not Path("~").exists()
    assert not list(Path().iterdir())
