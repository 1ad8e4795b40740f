"""The same two steps given to this suite, pyperf and asv: what they take, and what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import power
from step import NEVER

HERE = Path(__file__).parent
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def compare(every: int, work: Path) -> dict:
    """Each tool's wall time, interval where it has one, and verdict, on a true difference of 1/every."""
    work.mkdir(parents=True, exist_ok=True)
    (ours,) = power.trials(work / "bench", "standard", every, count=1)["each"]
    return {"every": every, "bench": ours, "pyperf": _pyperf(every, work), "asv": _asv(every, work / "asv")}


def _pyperf(every: int, work: Path) -> dict:
    began = time.monotonic()
    results = []
    for number in (NEVER, every):
        results.append(work / f"pyperf-{number}.json")
        results[-1].unlink(missing_ok=True)
        command = [HERE / "pyperf_step.py", "-q", "--inherit-environ", ",".join(["EVERY", *ENVIRONMENT])]
        _run([sys.executable, *command, "-o", results[-1]], number)
    seconds = time.monotonic() - began
    verdict = _run([sys.executable, "-m", "pyperf", "compare_to", *results], NEVER).strip().splitlines()[-1]
    means = [_run([sys.executable, "-m", "pyperf", "show", "-q", result], NEVER).strip() for result in results]
    return {"seconds": seconds, "interval": None, "verdict": verdict, "means": means}


def _asv(every: int, work: Path) -> dict:
    """An empty project with two commits, each standing for one of the steps, in this environment."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "benchmarks").mkdir(parents=True)
    (work / "benchmarks" / "__init__.py").touch()
    shutil.copy(HERE / "asv_step.py", work / "benchmarks" / "step_twenty.py")
    config = {"version": 1, "project": "step", "repo": ".", "branches": ["main"], "environment_type": "existing"}
    (work / "asv.conf.json").write_text(json.dumps(config))
    identity = ["-c", "user.name=calibration", "-c", "user.email=calibration@localhost"]
    _run(["git", "init", "-q", "-b", "main"], NEVER, work)
    hashes = []
    for text in ("same", "slower"):
        _run(["git", *identity, "commit", "-q", "--allow-empty", "-m", text], NEVER, work)
        hashes.append(_run(["git", "rev-parse", "HEAD"], NEVER, work).strip())
    asv = [sys.executable, "-m", "asv"]
    _run([*asv, "machine", "--yes", "--machine", "this"], NEVER, work)
    began = time.monotonic()
    for commit, number in zip(hashes, (NEVER, every), strict=True):
        environment = ["-E", f"existing:{sys.executable}"]
        _run([*asv, "run", *environment, "--machine", "this", "--set-commit-hash", commit], number, work)
    seconds = time.monotonic() - began
    shown = _run([*asv, "compare", "--machine", "this", "--factor", "1.03", *hashes], NEVER, work)
    line = next(line for line in shown.splitlines() if "time_twenty" in line)
    verdict = " ".join(re.sub(r"\[.*?\]", "", line).replace("|", " ").split())
    return {"seconds": seconds, "interval": None, "verdict": verdict, "factor": 1.03}


def _run(command: list, every: int, folder: Path = HERE) -> str:
    environment = {**os.environ, **ENVIRONMENT, "EVERY": str(every), "CALIBRATION": str(HERE)}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
