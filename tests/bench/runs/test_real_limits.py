"""A run inside a real control group, with too little memory and one and a half cores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience

from bench.errors import ExitCode
from bench.results import files

GROUPS = Path("/sys/fs/cgroup")
MEMORY_BYTES = 760 * 2**20  # enough for a server and some of seven workers
INSIDE = """
import os, sys
from pathlib import Path
import msgspec
for group in sys.argv[2:]:
    (Path(group) / "cgroup.procs").write_text(str(os.getpid()))
from support.runs import TINY, Listener
from bench.run.options import Options
from bench.run.execute import run
preset = msgspec.structs.replace(TINY, looks=(1,), least_rounds=2, most_rounds=2, latency_steps=20, training_steps=10)
options = Options(preset=preset, out=Path(sys.argv[1]), data="sample", device="cpu", profile=False)
sys.exit(run(options, Listener()).exit_code)
"""


@pytest.fixture
def groups():
    """New control groups with both limits, of version 1 or 2; skip where the kernel does not let us."""
    name = f"autoencoder-bench-test-{os.getpid()}"
    wanted = {
        GROUPS / "cpu" / name: {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"},
        GROUPS / "memory" / name: {"memory.limit_in_bytes": str(MEMORY_BYTES)},
    }
    if (GROUPS / "cgroup.controllers").exists():
        both = {"cpu.max": "150000 100000", "memory.max": str(MEMORY_BYTES), "memory.swap.max": "0"}
        wanted = {GROUPS / name: both}
    made = []
    try:
        for group, limits in wanted.items():
            group.mkdir()
            made.append(group)
            for file, text in limits.items():
                (group / file).write_text(text)
        yield [str(group) for group in made]
    except OSError as error:
        pytest.skip(f"needs the right to make control groups: {error}")
    finally:
        for group in made:
            group.rmdir()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one and a half cores are all there are")
def test_too_little_memory_fails_cases_and_not_the_run(groups, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INSIDE, str(tmp_path), *groups],
        capture_output=True,
        text=True,
        timeout=patience.limit(250),
        check=False,
    )
    assert done.returncode == ExitCode.FAILED, done.stderr
    (path,) = tmp_path.glob("*/result.json")
    document = files.read(path)
    assert document.autoencoder_bench.status == "complete"
    reasons = [case.failure.reason for case in document.experiment.cases if case.failure]
    assert reasons
    assert all(reason.startswith("out of memory: killed by the kernel") for reason in reasons)
    assert document.benchmarks
    facts = document.autoencoder_bench.facts
    assert facts["container"]["cpu_limit"].value == 1.5
    assert facts["container"]["memory_limit_bytes"].value == MEMORY_BYTES
    assert (facts["tensorflow"]["intra_op_threads"].value, facts["tensorflow"]["inter_op_threads"].value) == (1, 1)
