"""The batch script, with stand-ins for Apptainer and enroot that write down what they were asked."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from support import patience

SCRIPT = Path(__file__).parents[2] / "docker" / "slurm.sh"
STAND_IN = """#!/bin/bash
printf '%s\\n' "$(basename "$0") $*" >>"$SAID"
if [ "$1" = run ] || [ "$1" = start ]; then
    trap 'exit 130' TERM
    touch "$SAID.started"
    for _ in $(seq "${WAITS:-0}"); do sleep 0.1; done
    exit "${CODE:-0}"
fi
"""


@pytest.fixture
def job(tmp_path):
    """Start the script as Slurm would, with these variables."""
    for name in ("apptainer", "enroot"):
        (tmp_path / name).write_text(STAND_IN)
        (tmp_path / name).chmod(0o755)

    def start(*arguments, **variables):
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SAID": str(tmp_path / "said")}
        environment.pop("CUDA_VISIBLE_DEVICES", None)
        environment |= {"SLURM_JOB_ID": "7", **variables}
        return subprocess.Popen(["bash", SCRIPT, *arguments], cwd=tmp_path, env=environment)

    return start


def said(tmp_path):
    return (tmp_path / "said").read_text().splitlines()


def test_the_run_gets_its_gpu_its_folders_and_its_words(job, tmp_path):
    assert job(CUDA_VISIBLE_DEVICES="2", CODE="3").wait(patience.limit(30)) == 3
    (line,) = said(tmp_path)
    assert line.startswith("apptainer run --nv --containall ")
    assert f"--bind {tmp_path}/results:/results --bind {tmp_path}/cache:/cache" in line
    assert "--env CUDA_VISIBLE_DEVICES=2" in line
    assert line.endswith("autoencoder-bench.sif run --preset standard --device gpu")
    assert (tmp_path / "results").is_dir()


def test_other_words_and_no_gpu_of_slurms(job, tmp_path):
    assert job("doctor", BENCH_IMAGE="/images/a.sif").wait(patience.limit(30)) == 0
    (line,) = said(tmp_path)
    assert line.endswith("/images/a.sif doctor")
    assert "CUDA_VISIBLE_DEVICES" not in line  # empty, it would hide every GPU


def test_enroots_container_is_removed_again(job, tmp_path):
    assert job(BENCH_IMAGE="/images/a.sqsh", CODE="1", CUDA_VISIBLE_DEVICES="3").wait(patience.limit(30)) == 1
    create, start, remove = said(tmp_path)
    assert create == "enroot create --force --name bench-7 /images/a.sqsh"
    assert f"--mount {tmp_path}/results:/results" in start
    assert "--env CUDA_VISIBLE_DEVICES=3" in start
    assert remove == "enroot remove --force bench-7"


def test_slurms_signal_reaches_the_run_whose_exit_code_is_the_jobs(job, tmp_path):
    running = job(WAITS="300")
    patience.eventually((tmp_path / "said.started").exists)
    running.send_signal(signal.SIGTERM)
    assert running.wait(patience.limit(30)) == 130
