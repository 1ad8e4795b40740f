"""Where a run's files go: the results folder, the run's own, and which run is the newest."""

import errno
import os
import re
import tempfile
from datetime import datetime
from pathlib import Path

from bench import container
from bench.errors import UsageError

RESULT = "result.json"
BASE_RESULT = "base.json"  # of the other interpreter, in a side-by-side run
REPORT = "report.html"
LATEST = "latest.txt"


def check_label(label: str | None) -> None:
    """Raise UsageError unless the label can be part of a folder's name."""
    if label is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", label):
        raise UsageError(
            f"--label {label!r}: up to 40 letters, digits, '.', '_', '-', beginning with a letter or digit."
        )


def require_writable(out: Path) -> None:
    """Raise UsageError unless files can be made in `out`, which is created where it is missing."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise _unwritable(out, error) from None


def create(out: Path, device: str, label: str | None, started: datetime) -> Path:
    """Create `out/<UTC time>-<device>[-<label>]` with its subfolders. Raises UsageError where that cannot be."""
    name = "-".join(filter(None, [started.strftime("%Y%m%dT%H%M%SZ"), device, label]))
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = _unused(out / name)
        for part in ("logs", "plots", "tensorboard"):
            (folder / part).mkdir(parents=True)
    except OSError as error:
        raise _unwritable(out, error) from None
    return folder


def set_latest(folder: Path) -> None:
    """Name this run as the newest of its results folder, atomically."""
    with tempfile.NamedTemporaryFile("w", dir=folder.parent, prefix=f".{LATEST}.", delete=False) as file:
        file.write(folder.name + "\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, folder.parent / LATEST)


def latest(out: Path) -> Path:
    """The newest run of a results folder. Raises UsageError where there is none."""
    try:
        name = (out / LATEST).read_text().strip()
    except OSError:
        raise UsageError(f"{out} has no run yet: `bench run` makes one, or name a run's folder.") from None
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or not (out / name).is_dir():
        raise UsageError(f"{out / LATEST} names {name[:60]!r}, which is not there: name a run's folder.")
    return out / name


def _unused(folder: Path) -> Path:
    """The folder itself, or with a number where a run of the same second has taken it."""
    candidate, number = folder, 1
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def _unwritable(out: Path, error: OSError) -> UsageError:
    what = f"Cannot write results to {out}: {error.strerror}"
    remedy = "Choose another folder with --out."
    present = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    if error.errno in (errno.EACCES, errno.EPERM):
        what += f"; {present} belongs to user {present.stat().st_uid}, and this is user {os.geteuid()}"
        if container.kind() and container.maps_users():
            # Without root outside, this user is another one there: the numbers that were given are not the owner's.
            remedy = "Start the container with --userns=keep-id (podman), or --user 0 (Docker without root)."
        elif container.kind():
            remedy = 'Start the container with --user "$(id -u):$(id -g)", or mount a folder that this user may write.'
    elif error.errno == errno.EROFS and container.kind():
        remedy = 'Mount a folder there: -v "$PWD/results:/results".'
    return UsageError(f"{what}. {remedy}")
