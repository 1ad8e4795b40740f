"""What the noxfile tells the suite: how it was called, as a command for the user's shell, and what to compare with."""

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


class Session:
    """What nox gives a session, which notes what it is asked."""

    def __init__(self, *posargs):
        self.posargs = list(posargs)
        self.ran = []
        self.notified = []

    def log(self, text):
        pass

    def install(self, *arguments):
        self.ran.append(("install", *arguments))

    def run(self, *command, **options):
        self.ran.append(command)
        if command[:2] == ("python", "other_environment.py"):
            return f"{ROOT / '.nox' / 'against-tensorflow-2.20.0'}\n"
        return True

    run_install = run

    def notify(self, name, posargs=None):
        self.notified.append((name, posargs))


def test_what_follows_the_version_to_compare_with_goes_to_bench_run(noxfile, monkeypatch):
    monkeypatch.setenv("BENCH_EXTRA", "gpu")
    session = Session("tensorflow==2.20.0", "--preset", "standard", "--only", "xla/*")
    noxfile.against(session)
    assert session.ran[-1] == ("python", "other_environment.py", "tensorflow==2.20.0", "gpu")
    side = ["--against", ".nox/against-tensorflow-2.20.0=tensorflow-2.20.0"]
    assert session.notified == [("bench", [*side, "--preset", "standard", "--only", "xla/*"])]


def test_without_one_the_refusal_is_that_of_an_empty_name(noxfile, monkeypatch):
    monkeypatch.setenv("BENCH_EXTRA", "cpu")
    session = Session()
    noxfile.against(session)
    assert session.ran[-1] == ("python", "other_environment.py", "", "cpu")


def test_older_versions_are_tested_in_their_own_environments(noxfile, monkeypatch):
    monkeypatch.setenv("BENCH_EXTRA", "cpu")
    session = Session()
    noxfile.older(session)
    pytests = [command for command in session.ran if command[0].endswith("/bin/pytest")]
    assert len(pytests) == 2
    assert all((ROOT / path).exists() for path in pytests[0][1:])
    asked = [command[2] for command in session.ran if command[:2] == ("python", "other_environment.py")]
    assert asked == [f"tensorflow=={version}" for version in noxfile.OLDER_TENSORFLOW]


@pytest.mark.parametrize("framework", ["jax", "torch"])
@pytest.mark.parametrize("named", [[], ["--experiment=frameworks", "--only", "*/eager"]], ids=["by itself", "as named"])
def test_another_framework_is_measured_where_frameworks_are(noxfile, monkeypatch, framework, named):
    monkeypatch.setenv("BENCH_EXTRA", "cpu")
    session = Session(f"{framework}==0.9.2", *named)
    noxfile.against(session)
    assert session.ran[-1] == ("python", "other_environment.py", f"{framework}==0.9.2", "cpu")
    (this_side, for_installer), (bench, arguments) = session.notified
    # What nox does not get here it takes from the command: pip would be asked for the options of bench.
    assert (this_side, for_installer, bench) == (framework, [], "bench")
    assert arguments[2:] == named or ["--experiment", "frameworks", "--axis", f"framework={framework}"]
