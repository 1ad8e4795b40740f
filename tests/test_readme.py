"""The README: it shows what the command prints, and its commands work in the order in which a reader meets them."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from support import patience

from bench.report import summary
from bench.results import files

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SCREEN = README.partition("```text\n")[2].partition("\n```")[0].split("\n")
MOST_LINES = 120
SERVING = ("docker", "mkdir")  # `docker/check` does these with an engine
NOX = "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox -s bench"
AGAINST = [".venv/bin/nox", "-s", "against", "--"]
# Data that do not exist; the commit before the last may speak another protocol than the working tree.
REFUSED = "no-such-folder: expected a folder|git:HEAD~1: its workers speak protocol"
# In place of uv: `venv FOLDER` makes an environment with this one's packages, `pip install -e SUITE[EXTRA]` adds the
# suite's folder; whatever else it is asked is so.
UV = """#!/usr/bin/env python3
import pathlib, subprocess, sys
if sys.argv[1] == "venv":
    subprocess.run(["python3", "-m", "venv", "--without-pip", sys.argv[-1]], check=True)
if sys.argv[1:3] == ["pip", "install"]:
    home = pathlib.Path(sys.argv[sys.argv.index("--python") + 1]).parents[1]
    suite = str(pathlib.Path(sys.argv[-1].partition("[")[0]).resolve())
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text("\\n".join([suite, *{here!r}, ""]))
"""


def test_it_is_short():
    assert len(README.splitlines()) <= MOST_LINES


def test_the_screen_is_what_the_command_prints_for_the_stored_result(monkeypatch, tmp_path):
    """Of the last lines, the folder is the run's own."""
    monkeypatch.setenv("BENCH_NOX", ".venv/bin/nox")
    document = files.read(ROOT / "results" / "reference" / "quick.json")
    (tmp_path / "tensorboard" / "x").mkdir(parents=True)
    (tmp_path / "report.html").touch()
    console = Console(file=io.StringIO(), width=100)
    summary.show(document, tmp_path, console)
    printed = [line.rstrip() for line in console.file.getvalue().rstrip("\n").split("\n")]
    folder = re.search(r"(results/\S+)/report\.html", "\n".join(SCREEN))[1]
    assert [line.replace(str(tmp_path), folder) for line in printed] == SCREEN
    assert len(SCREEN) <= 40
    assert max(map(len, SCREEN)) <= 100


def commands():
    for sample in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        yield from (line.removeprefix("$ ") for line in sample.splitlines())


def packages_here():
    return [path for path in sys.path if path.endswith("-packages")]


def left_by_nox(clone):
    """What `nox -s bench` leaves behind: an environment with the suite installed, here with this one's packages."""
    home = clone / ".nox" / "bench"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, timeout=patience.limit(60))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = home / "lib" / version / "site-packages"
    (packages / "here.pth").write_text("\n".join([str(clone), *packages_here(), ""]))
    script = home / "bin" / "bench"
    script.write_text(f"#!{home}/bin/python\nimport sys\nfrom bench.__main__ import main\nsys.exit(main())\n")
    script.chmod(0o755)


def beside(command):
    """What the session `against` runs, with an installation that stands in for uv's."""
    other, *arguments = shlex.split(command)[len(AGAINST) :]
    making = f"home=$(python3 other_environment.py {other} cpu)"
    return f'{making} && bench run --against "$home" {shlex.join(arguments)}'


@pytest.fixture
def clone(tmp_path):
    """A clone of the last commit with the working tree's files over it, as a reader gets it."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, target], check=True, timeout=patience.limit(120))
    for name in ("bench", "autoencoder", "results", "docker"):
        shutil.copytree(ROOT / name, target / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("2*Z-*"))
    for name in ("other_environment.py", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, target)
    return target


def test_its_commands_work_in_order_with_nothing_on_the_path_but_python(clone, tmp_path):
    """The first, which installs, is run as it stands by .ci/run; what such commands leave is put in place here."""
    python = tmp_path / "bin"
    python.mkdir()
    (python / "python3").symlink_to(sys.executable)
    (python / "uv").write_text(UV.format(here=packages_here()))
    (python / "uv").chmod(0o755)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHON", "BENCH_"))
    }
    session: list[str] = []
    for command in commands():
        words = shlex.split(command.strip("()"))
        if words[0] in SERVING:
            continue
        if NOX.split(" && ")[2] in command:
            left_by_nox(clone)
            continue
        if words[: len(AGAINST)] == AGAINST:
            words = ["bench", "run"]
            command = beside(command)
        if words[:2] == ["bench", "run"]:
            command = f"{{ {{ {command} --data no-such-folder; }} 2>&1 || true; }} | grep -E '{REFUSED}'"
        if words[:2] == ["bench", "doctor"]:
            command += " >/dev/null || test $? -eq 1"  # what it finds is this machine's matter
        session.append(command)
        text = "set -e -o pipefail\n" + "\n".join(
            [line for line in session[:-1] if line.startswith("source")] + [command]
        )
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=clone,
            env={**environment, "PATH": f"{python}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=patience.limit(300),
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout[-2_000:], done.stderr[-2_000:])
    assert sum("bench run --against" in command for command in session) == 2
