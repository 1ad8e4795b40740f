"""How long `bench compare` takes: of two results of the modes with the preset standard, and of a thousand."""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import msgspec

from bench.results import files

BENCH = Path(sys.executable).with_name("bench")
FILES = 1_000
MODES = ("--experiment", "modes", "--preset", "standard")


def compare_two(folder: Path, repeats: int = 10) -> dict:
    """Seconds of the whole command, from its start to its end."""
    paths = _make(folder, 2)
    _time(paths)  # the first one compiles
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
    """Copies of such a result, measured here first, that differ in their labels."""
    standard = folder / "standard"
    if not list(standard.glob("*/result.json")):
        subprocess.run([BENCH, "run", *MODES, "--no-profile", "--out", standard], check=True)
    document = files.read(next(standard.glob("*/result.json")))
    section = document.autoencoder_bench
    paths = [folder / f"copy-{number:04}.json" for number in range(count)]
    for number, path in enumerate(paths):
        plan = msgspec.structs.replace(section.plan, label=f"machine-{number}")
        changed = msgspec.structs.replace(section, plan=plan)
        files.write(msgspec.structs.replace(document, autoencoder_bench=changed), path)
    return paths


# In a process of its own, since a child's peak memory counts from that of the process that starts it.
_WATCH = """
import resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def _time(paths: list[Path]) -> tuple[float, int]:
    """Seconds and peak bytes of comparing these files."""
    command = [sys.executable, "-c", _WATCH, BENCH, "compare", *paths]
    # Python keeps what it has compiled, unless it is told not to: a first call after installing takes longer.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    code, seconds, peak = done.stdout.split()
    assert code in ("0", "3"), done.stderr
    return float(seconds), int(peak)
