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


MULTI = SCRIPT.with_name("slurm-multi.sh")
RANK = STAND_IN.replace("if [", 'echo "$APPTAINERENV_BENCH_JOB_KEY" >"$(dirname "$SAID")/key.$SLURM_PROCID"\nif [', 1)
# As scontrol(1) says of `show hostnames`: a name a line. In the order of the letters, as some versions list them.
SCONTROL = """#!/bin/bash
[ "$*" = "show hostnames node[2,10]" ] && printf 'node10\nnode2\n'
"""
# As srun(1) says of its output environment: every task has its number in SLURM_PROCID; the highest exit code is srun's.
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
worst=0
for task in $(seq 0 $((SLURM_NTASKS - 1))); do
    SLURM_PROCID=$task CUDA_VISIBLE_DEVICES=$task "$@" || worst=$?
done
exit "$worst"
"""


@pytest.fixture
def ranks(tmp_path):
    """Start the script for several ranks as Slurm would; returns its exit code."""
    for name, text in (("apptainer", RANK), ("scontrol", SCONTROL), ("srun", SRUN)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def start(*arguments, **variables):
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SAID": str(tmp_path / "said")}
        environment |= {"SLURM_JOB_NODELIST": "node[2,10]", "SLURM_NTASKS": "2", **variables}
        command = ["bash", MULTI, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, timeout=patience.limit(30), check=False
        ).returncode

    return start


def test_every_task_is_a_rank_of_one_job_led_from_the_first_node_by_number(ranks, tmp_path):
    assert ranks() == 0
    first, second = said(tmp_path)
    for number, line in enumerate((first, second)):
        assert f"--env CUDA_VISIBLE_DEVICES={number}" in line
        assert line.endswith(
            f"autoencoder-bench.sif rank --rank {number} --ranks 2 --coordinator node2 --preset standard --device gpu"
        )
        assert "--bind /dev/shm" in line
        assert "JOB_KEY" not in line  # a command line is for all to see
    first, second = (tmp_path / "key.0").read_text(), (tmp_path / "key.1").read_text()
    assert first == second
    assert len(first.strip()) == 32


def test_a_signal_to_a_rank_is_waited_for(ranks, tmp_path):
    """As at the end of a job's time: the shell around a rank neither dies of it nor takes its folder away before."""
    (tmp_path / "apptainer").write_text(
        "#!/bin/bash\ntrap 'sleep 1; echo saved >>\"$SAID\"; exit 130' TERM\nkill -TERM $PPID\n"
        "for _ in $(seq 100); do sleep 0.1; done\n"
    )
    assert ranks(SLURM_NTASKS="1") == 130
    assert said(tmp_path) == ["saved"]


def test_a_rank_that_fails_is_the_jobs_exit_code(ranks):
    assert ranks("--preset", "quick", CODE="1") == 1
