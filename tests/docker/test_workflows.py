"""The shell of the workflow that keeps baselines, run as it stands: with git, and with `bench` in docker's place."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from support.documents import document, simulate

from bench.results import files

WORKFLOW = Path(__file__).parents[2] / ".github" / "workflows" / "gpu-bench.yml"
URL = "https://x-access-token:token@example.org/owner/repository"
DOCKER = """#!/bin/bash
while [ "$1" != "autoencoder-bench:$TAG" ]; do shift; done
shift
cd "$RUNNER_TEMP" && exec "$BENCH" "$@"
"""


def step(name):
    """The script of a step."""
    text = WORKFLOW.read_text().partition(f"- name: {name}\n")[2]
    lines = text.partition("        run: |\n")[2].splitlines(keepends=True)
    own = [line for i, line in enumerate(lines) if all(one.startswith(" " * 10) for one in lines[: i + 1])]
    return textwrap.dedent("".join(own))


@pytest.fixture
def runner(tmp_path):
    """Run a step as GitHub does, in a folder of its own, with a repository to push to."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote"], check=True)
    (tmp_path / "gitconfig").write_text(f'[url "file://{tmp_path}/remote"]\n\tinsteadOf = {URL}\n')
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)

    def run(name, folder, **variables):
        folder.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "BENCH": str(Path(sys.executable).with_name("bench")),
            "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
            "GITHUB_SERVER_URL": "https://example.org",
            "GITHUB_REPOSITORY": "owner/repository",
            "GITHUB_SHA": "0a1b2c3d",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "RUNNER_TEMP": str(folder),
            "GH_TOKEN": "token",
            "TAG": "run-1",
            **variables,
        }
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(name)]
        return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


def measure(runner, tmp_path, day, refresh="false", **changes):
    """What the jobs do after a run of this day: keep it on top of what is stored, and store it."""
    folder = tmp_path / f"runner-{day}"
    result = folder / "results" / "run" / "result.json"
    result.parent.mkdir(parents=True)
    files.write(document(simulate(np.random.default_rng(day)), day=day, **changes), result)
    (folder / "results" / "latest.txt").write_text("run\n")
    if stored(tmp_path):
        words = ["git", "--git-dir", tmp_path / "remote", "archive", "baselines"]
        archive = subprocess.run(words, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    (tmp_path / "output").write_text("")
    kept = runner("Keep it as a baseline", folder, REFRESH=refresh)
    fingerprint = re.search("^fingerprint=(.*)$", (tmp_path / "output").read_text(), re.MULTILINE)
    if fingerprint is None:
        return kept
    return runner("Commit it to the branch of baselines", folder, REFRESH=refresh, FINGERPRINT=fingerprint[1])


def stored(tmp_path):
    words = ["git", "--git-dir", tmp_path / "remote", "ls-tree", "-r", "--name-only", "baselines"]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    return sorted(Path(name).stem[:8] for name in found if name.startswith("results/baselines/"))


def test_the_first_run_makes_the_branch_and_later_ones_add_to_it(runner, tmp_path):
    for day in (1, 2):
        done = measure(runner, tmp_path, day)
        assert done.returncode == 0, done.stdout + done.stderr
    measure(runner, tmp_path, 3, tensorflow="2.20.0")
    assert stored(tmp_path) == ["20261101", "20261102", "20261103"]


def test_a_refresh_replaces_those_of_its_fingerprint_alone(runner, tmp_path):
    measure(runner, tmp_path, 1)
    measure(runner, tmp_path, 2, tensorflow="2.20.0")
    done = measure(runner, tmp_path, 3, refresh="true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert stored(tmp_path) == ["20261102", "20261103"]


def test_a_run_that_is_no_baseline_is_noted_and_fails_nothing(runner, tmp_path):
    done = measure(runner, tmp_path, 1, failed=("xla/resident",))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::notice::" in done.stdout
    assert stored(tmp_path) == []


def test_what_cannot_be_read_fails(runner, tmp_path):
    (tmp_path / "results").mkdir()
    assert runner("Keep it as a baseline", tmp_path, REFRESH="false").returncode == 2


def test_a_repository_that_cannot_be_reached_is_no_first_run(runner, tmp_path):
    (tmp_path / "output").write_text("")
    assert runner("Is there a branch of baselines yet?", tmp_path).returncode == 0
    assert (tmp_path / "output").read_text() == ""
    (tmp_path / "remote").rename(tmp_path / "gone")
    assert runner("Is there a branch of baselines yet?", tmp_path).returncode not in (0, 2)
