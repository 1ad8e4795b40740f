"""Nsight Systems for one process that does steps of one case: its command, for a shell, and running it.

Its options: NVIDIA's Nsight Systems User Guide, "CLI Profile Command Switch Options" and "NVTX Trace".
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from bench.errors import BenchError, UsageError
from bench.machine import cuda_cache, environment
from bench.machine.device import DeviceChoice
from bench.protocol.nsys_process import DOMAIN, MODULE, RANGE, Process
from bench.recording import folders

FOLDER = "nsys"  # of a results folder
LOG = "nsys.log"

_REPORT = "steps"  # Nsight Systems adds .nsys-rep

_OPTIONS = (
    # Steps are to be seen next to what they wait for, not to be slowed by samples, which may need rights besides.
    "--sample=none",
    "--cpuctxsw=none",
    # From the first step to the last: starting, compiling and warming up are left out.
    "--capture-range=nvtx",
    f"--nvtx-capture={RANGE}@{DOMAIN}",
    # Its default, stop-shutdown, ends the process there, before it has said how many steps it did.
    "--capture-range-end=stop",
    "--force-overwrite=true",
)
# XLA runs kernels in graphs: as a whole, each would be one bar that does not say what is in it.
_OF_DEVICE = {"gpu": ("--trace=cuda,nvtx,osrt", "--cuda-graph-trace=node"), "cpu": ("--trace=nvtx,osrt",)}


def command(process: Process, output: Path, nsys: str = "nsys", python: str = sys.executable) -> list[str]:
    """The whole command; its report is `output` with .nsys-rep."""
    # In the name of a report a % begins a pattern.
    options = (*_OF_DEVICE[process.device], *_OPTIONS, f"--output={str(output).replace('%', '%%')}")
    return [nsys, "profile", *options, python, "-P", "-m", MODULE, *process.arguments]


def find() -> str | None:
    """Where Nsight Systems' command is, None where it is not on the PATH."""
    return shutil.which("nsys")


def variables(choice: DeviceChoice, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the servers of a run get, over those inherited; what is empty is taken out."""
    cache = cuda_cache.prepare(inherited).environment if choice.gpu else {}
    return {**environment.for_servers(choice, inherited), **cache}


def line(words: list[str], changed: Mapping[str, str]) -> str:
    """The command with these variables, for a shell."""
    gone = [word for name, value in changed.items() if not value for word in ("-u", name)]
    given = [f"{name}={value}" for name, value in changed.items() if value]
    return shlex.join(["env", *gone, *given, *words])


def report_in(out: Path, process: Process, slug: str, label: str | None, started: datetime) -> Path:
    """The path of a report without its ending, in a new folder below `out`. Raises UsageError where that cannot be."""
    folders.require_text(out)
    folders.require_writable(out)
    stamp = started.strftime("%Y%m%dT%H%M%SZ")
    name = "-".join(filter(None, [stamp, slug, re.sub(r"[^\w.+-]", "-", process.case.full_name), label]))
    try:
        (out / FOLDER).mkdir(exist_ok=True)
        folder = folders.make_new(out / FOLDER / name)
    except OSError as error:
        raise UsageError(f"Cannot write to {out / FOLDER}: {error.strerror}. Choose another with --out.") from None
    return folder / _REPORT


def run(words: list[str], changed: Mapping[str, str], output: Path) -> Path:
    """Run the command and return its report. What it said is in a log beside that.

    Raises BenchError with the last line of it where it fails, or leaves no report.
    """
    log = output.with_name(LOG)
    inherited = {name: value for name, value in os.environ.items() if name not in changed}
    given = {name: value for name, value in changed.items() if value}
    try:
        with log.open("wb") as said:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**inherited, **given},
                check=False,
            )
    except OSError as error:
        raise BenchError(f"{words[0]} could not be run: {error.strerror}") from None
    report = next(iter(sorted(output.parent.glob(f"{output.name}.*rep"))), None)  # .qdrep before 2021.4
    if done.returncode != 0 or report is None:
        how = f"ended with exit code {done.returncode}" if done.returncode else "left no report"
        raise BenchError(f"Nsight Systems {how}{_last_line(log)}: see {log}")
    return report


def _last_line(log: Path) -> str:
    lines = [text for one in log.read_text(errors="replace").splitlines() if (text := one.strip())]
    return f" ({lines[-1][:240]})" if lines else ""
