"""Where a run's files go: the results folder, the run's own, and which run is the newest."""

import errno
import itertools
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bench.errors import UsageError
from bench.machine import container
from bench.results import atomic

RESULT = "result.json"
BASE_RESULT = "base.json"  # of the other interpreter, in a side-by-side run
REPORT = "report.html"
LATEST = "latest.txt"

# Kept free while a run measures: a disk that is full ends it, and its result and report are to have room. It holds
# noise, since a file of zeros may take none.
_RESERVE = ".reserve"
_RESERVE_BYTES = 4 * 2**20


def check_label(label: str | None) -> None:
    """Raise UsageError unless the label can be part of a folder's name."""
    if label is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", label):
        raise UsageError(
            f"--label {label!r}: up to 40 letters, digits, '.', '_', '-', beginning with a letter or digit."
        )


def require_writable(out: Path) -> None:
    """Raise UsageError unless results can be written in `out`, which is created where it is missing.

    It does what writing a result does later: a file is created, written, flushed to the disk and renamed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".probe-{os.getpid()}"
        try:
            atomic.write(probe, b"1")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from None


def dead_link(out: Path) -> str | None:
    """What to say of a path that is, or is below, a link to nothing; None where there is none."""
    link = next((one for one in (out, *out.parents) if one.is_symlink() and not one.exists()), None)
    return f"{link} is a link to {os.readlink(link)}, which is not there" if link else None


def require_text(out: Path) -> None:
    """Raise UsageError for a name that is no text: it could not be told to the processes that measure."""
    try:
        str(out.absolute()).encode()
    except UnicodeEncodeError:
        raise UsageError(f"--out {os.fsencode(out)!r} is no UTF-8. Choose another folder.") from None


def create(out: Path, device: str, label: str | None, started: datetime) -> Path:
    """Create `out/<UTC time>-<device>[-<label>]` with its subfolders. Raises UsageError where that cannot be."""
    name = "-".join(filter(None, [started.strftime("%Y%m%dT%H%M%SZ"), device, label]))
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = make_new(out / name)
        for part in ("logs", "plots", "tensorboard"):
            (folder / part).mkdir()
        (folder / _RESERVE).write_bytes(os.urandom(_RESERVE_BYTES))
    except OSError as error:
        raise _unwritable(out, error) from None
    return folder


def give_up_reserve(folder: Path) -> None:
    """Make room for what a run leaves at its end, should the disk be full by then."""
    with suppress(OSError):
        (folder / _RESERVE).unlink()


def set_latest(folder: Path) -> None:
    """Name this run as the newest of its results folder, atomically."""
    atomic.write(folder.parent / LATEST, f"{folder.name}\n".encode())


def latest(out: Path) -> Path:
    """The newest run of a results folder. Raises UsageError where there is none."""
    try:
        name = (out / LATEST).read_text(errors="replace").strip()
    except OSError:
        raise UsageError(f"{out} has no run yet: `bench run` makes one, or name a run's folder.") from None
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or not (out / name).is_dir():
        raise UsageError(f"{out / LATEST} names {name[:60]!r}, which is not there: name a run's folder.")
    return out / name


def make_new(folder: Path) -> Path:
    """Make the folder, or one with a number where a run of the same second has taken it.

    That it is not there yet is found out by making it: between a look and the making another run may have come.
    """
    for number in itertools.count(1):
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            candidate.mkdir()
        except FileExistsError:
            continue
        return candidate
    raise AssertionError("numbers do not end")


def _unwritable(out: Path, error: OSError) -> UsageError:
    what = f"Cannot write results to {out}: {error.strerror}"
    if link := dead_link(out):
        what = f"Cannot write results to {out}: {link}"
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
