"""Why a worker failed on a GPU: what its own log tells beside the reason it gave."""

from pathlib import Path

from bench.machine import missing_gpu


def with_cause(reason: str, log: Path, device: str) -> str:
    """The reason, and behind it the known complaint in the worker's log with its remedy; on a CPU there is none."""
    if device != "gpu" or not log.is_file():
        return reason
    cause = missing_gpu.complaint(log.read_text(errors="replace"))
    return f"{reason}. Its log says: {cause}" if cause else reason
