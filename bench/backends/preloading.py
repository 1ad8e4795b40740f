"""Whether a process that has loaded a framework may be forked, as far as a GPU's driver is concerned."""

from pathlib import Path


def open_driver_file() -> str | None:
    """Why a fork of this process could not use a GPU: a CUDA context does not survive one; None where it could."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():  # no Linux, so no CUDA either
        return None
    for link in folder.iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:  # the descriptor that listing the folder itself used
            continue
        if target.startswith("/dev/nvidia") or target == "/dev/dxg":
            return f"{target} was opened while preloading"
    return None
