"""How long `bench compare` takes: of two results as large as the standard preset can make them, and of a thousand."""

import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from documents import document, simulate

from bench.results import files

BENCH = Path(sys.executable).with_name("bench")
COHORTS, ROUNDS = 16, 60
FILES = 1_000


def compare_two(folder: Path, repeats: int = 10) -> dict:
    """Seconds of the whole command, from its start to its end."""
    paths = _make(folder, 2)
    seconds = [_time(paths)[0] for _ in range(repeats)]
    return {
        "files": 2,
        "bytes_each": paths[0].stat().st_size,
        "seconds_median": median(seconds),
        "seconds_max": max(seconds),
        "repeats": repeats,
    }


def compare_thousand(folder: Path) -> dict:
    """The same for a thousand files, and the most memory the command took."""
    paths = _make(folder, FILES)
    seconds, peak = _time(paths)
    return {"files": FILES, "bytes_each": paths[0].stat().st_size, "seconds": seconds, "peak_bytes": peak}


def _make(folder: Path, count: int) -> list[Path]:
    """Simulated results of seven cases; a thousand share their samples, and differ in their names."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"result-{number:04}.json" for number in range(count)]
    kinds = [simulate(np.random.default_rng(seed), cohorts=COHORTS, rounds=ROUNDS) for seed in range(10)]
    for number, path in enumerate(paths):
        if not path.exists():
            files.write(document(kinds[number % len(kinds)], label=f"machine-{number}"), path)
    return paths


def _time(paths: list[Path]) -> tuple[float, int]:
    began = time.monotonic()
    done = subprocess.run([BENCH, "compare", *paths], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    assert done.returncode in (0, 3), done.stderr
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
