"""Another version or revision in an environment of its own: what is understood, made once, and refused before work.

Of uv a stand-in notes what it is asked; what it installs is checked by `nox -s older` and by .ci/run.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience

ROOT = Path(__file__).parent.parent
SCRIPT = "other_environment.py"
# As `uv venv [--clear] FOLDER` and `uv pip ...` do: the first makes the folder anew, `pip show` fails for what is not
# installed; the exit code is uv's of an error.
UV = """#!{python}
import json, os, pathlib, shutil, sys
log = pathlib.Path(os.environ["UV_LOG"])
log.write_text((log.read_text() if log.exists() else "") + json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "venv":
    shutil.rmtree(sys.argv[-1], ignore_errors=True)
    pathlib.Path(sys.argv[-1]).mkdir(parents=True)
print("what uv prints")
sys.exit(2 if os.environ.get("UV_FAILS") in sys.argv else 0)
"""


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e@localhost", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=patience.limit(60)
    ).stdout.strip()


def commit(folder, protocol):
    (folder / "bench").mkdir(exist_ok=True)
    (folder / "bench" / "message.py").write_text(f"PROTOCOL_VERSION = {protocol}\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", f"Speak {protocol}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    """One with three revisions, the first with another protocol than the others."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in (SCRIPT, "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "-q", "-b", "main")
    for protocol in (7, 8, 8):
        commit(folder, protocol)
    return folder


@pytest.fixture
def make(repository, tmp_path, monkeypatch):
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV.format(python=sys.executable))
    uv.chmod(0o755)
    log = tmp_path / "uv.log"
    monkeypatch.setenv("PATH", f"{uv.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("UV_LOG", str(log))

    def call(wanted, extra="cpu"):
        """Exit code, what it printed, what it said on standard error, and what uv was asked."""
        log.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, SCRIPT, wanted, extra],
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=patience.limit(60),
            check=False,
        )
        asked = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return done.returncode, done.stdout, done.stderr, asked

    return call


def test_another_tensorflow_has_this_working_tree_and_the_other_versions_as_far_as_they_fit(make, repository):
    code, printed, said, (venv, compiled, installed, shown) = make("tensorflow==2.20.0")
    home = repository / ".nox" / "against-tensorflow-2.20.0"
    assert (code, printed) == (0, f"{home}\n")
    assert "what uv prints" in said
    assert venv == ["venv", "--quiet", "--clear", "--python", sys.executable, str(home)]
    assert (home / "asked.txt").read_text() == "tensorflow==2.20.0\ntensorflow-cpu==2.20.0\n"
    assert compiled[-2:] == [str(home / "versions.txt"), "pyproject.toml"]
    # uv keeps what stands in the file that it writes, where that fits (its documentation of `uv pip compile`).
    assert (home / "versions.txt").read_text() == (repository / "constraints.txt").read_text()
    assert installed[-2:] == ["-e", ".[cpu]"]
    assert str(home / "versions.txt") in installed
    assert shown[-1] == "tensorflow"


def test_another_package_of_the_constraints(make, repository):
    code, printed, _, _ = make("keras==3.10.0", "gpu")
    home = repository / ".nox" / "against-keras-3.10.0"
    assert (code, printed) == (0, f"{home}\n")
    assert (home / "asked.txt").read_text() == "keras==3.10.0\n"


@pytest.mark.parametrize(("extra", "installed"), [("cpu", ".[jax]"), ("gpu", ".[jax-gpu]")])
def test_another_framework_has_the_extra_of_its_own(make, repository, extra, installed):
    with (repository / "constraints.txt").open("a") as file:
        file.write("jax==0.10.2\n")
    code, _, _, asked = make("jax==0.10.1", extra)
    assert (code, asked[-2][-1]) == (0, installed)


def test_what_nothing_uses_would_be_the_same_on_both_sides(make, repository, monkeypatch):
    monkeypatch.setenv("UV_FAILS", "ruff")
    code, _, said, asked = make("ruff==0.16.0")
    assert (code, asked[-1][:2]) == (1, ["pip", "show"])
    assert "ruff==0.16.0: what is measured does not use ruff." in said
    assert not (repository / ".nox" / "against-ruff-0.16.0").exists()


def test_another_revision_has_its_own_versions_and_its_commit_is_what_counts(make, repository):
    before = git(repository, "rev-parse", "HEAD")
    code, printed, _, (_, installed) = make("git:main")
    home = repository / ".nox" / f"against-{before[:10]}"
    assert (code, printed) == (0, f"{home}\n")
    assert git(home / "source", "rev-parse", "HEAD") == before
    assert installed[-4:] == ["-c", str(home / "source" / "constraints.txt"), "-e", f"{home / 'source'}[cpu]"]
    assert make(f"git:{before[:8]}")[1:] == (f"{home}\n", "", [])  # the same by another name
    after = commit(repository, 8)
    assert make("git:main")[1] == f"{home.parent / f'against-{after[:10]}'}\n"


def test_it_is_made_once_and_anew_when_what_it_is_made_from_changed(make, repository):
    assert make("tensorflow==2.20.0")[3]
    assert make("tensorflow==2.20.0")[3] == []
    assert make("tensorflow==2.20.0", "gpu")[3]  # a driver came: two builds of TensorFlow share their files
    with (repository / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    assert make("tensorflow==2.20.0", "gpu")[3]


@pytest.mark.parametrize("step", ["venv", "compile", "install"])
def test_what_could_not_be_made_is_not_left_behind(make, repository, monkeypatch, step):
    monkeypatch.setenv("UV_FAILS", step)
    code, printed, said, _ = make("tensorflow==2.99.0")
    assert (code, printed) == (1, "")
    assert "uv says why" in said
    assert not (repository / ".nox" / "against-tensorflow-2.99.0" / "made-from.txt").exists()
    monkeypatch.delenv("UV_FAILS")
    assert make("tensorflow==2.99.0")[0] == 0


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("", "'' is nothing to compare with. Name tensorflow==VERSION"),
        ("--preset", "'--preset' is nothing to compare with"),
        ("tensorflow", "'tensorflow' is nothing"),
        ("tensorflow>=2.20", "'tensorflow>=2.20' is nothing"),
        ("tensorflow==", "'tensorflow==' is nothing"),
        ("tensorflow==../x", "is nothing"),
        ("no-such==1.0", "'no-such==1.0' is nothing to compare with"),
        ("git:", "git:: this repository has no such revision"),
        ("git:nonsense", "git:nonsense: this repository has no such revision"),
        ("git:--all", "git:--all: this repository has no such revision"),
        ("git:HEAD~2", "its workers speak protocol 7, those of this working tree 8"),
    ],
)
def test_what_cannot_be_compared_with_is_refused_before_anything_is_made(make, repository, wanted, said):
    code, printed, error, asked = make(wanted)
    assert (code, printed, asked) == (1, "", [])
    assert said in error
    assert not (repository / ".nox").exists()


def test_the_tested_range_is_what_pyproject_allows():
    """The newest is that of constraints.txt; an older one that the noxfile does not test is not allowed."""
    pinned = re.search(r"^tensorflow==(\d+)\.(\d+)\.", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    older = re.search(r"^OLDER_TENSORFLOW = (.*)$", (ROOT / "noxfile.py").read_text(), re.MULTILINE)[1]
    minors = [int(minor) for minor in re.findall(r'"2\.(\d+)\.\d+"', older)]
    newest = int(pinned[2])
    assert (pinned[1], minors) == ("2", [newest - 1, newest - 2])
    ranges = re.findall(r'"tensorflow(?:-cpu|\[and-cuda\])?>=2\.(\d+),<2\.(\d+)', (ROOT / "pyproject.toml").read_text())
    assert ranges == [(str(minors[-1]), str(newest + 1))] * 3
    page = (ROOT / "docs" / "platforms.md").read_text()
    assert all(f"| 2.{minor} |" in page for minor in (newest, *minors))
