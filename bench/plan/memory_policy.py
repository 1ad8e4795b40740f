"""The memory policies of a GPU: their names, what each asks TensorFlow for, and which cannot go together."""

import math
from dataclasses import dataclass

from bench.errors import UsageError

DEFAULT_FRACTION = 0.9  # the notebook's
HOST = "host"  # no policy: the memory axis of a case that computes on the CPU
DESCRIPTIONS = {
    "default": "TensorFlow's own: the first allocation reserves what is free, less a margin",
    "growth": "allow_growth: reserves 2 MiB, doubles it as needed, and gives nothing back",
    "fraction-F": "per_process_gpu_memory_fraction: the first allocation reserves this share of the GPU",
    "growth+fraction-F": "both, as the notebook asks for: grows up to that share",
    "async": "CUDA's own pool (cuda_malloc_async) in place of TensorFlow's allocator",
}


@dataclass(frozen=True)
class Policy:
    """What a process asks for: `fraction` of the GPU's memory, growth, or CUDA's allocator."""

    growth: bool = False
    fraction: float | None = None
    asynchronous: bool = False

    @property
    def name(self) -> str:
        """As cases and the command line call it."""
        if self.asynchronous:
            return "async"
        parts = ["growth"] if self.growth else []
        if self.fraction is not None:
            parts.append(f"fraction-{self.fraction:g}")
        return "+".join(parts) or "default"

    @property
    def reserves(self) -> bool:
        """Whether the first allocation takes memory that nobody needs yet, and that a neighbour may miss."""
        return not self.growth and not self.asynchronous


def parse(name: str, fraction: float = DEFAULT_FRACTION) -> Policy:
    """The policy of this name; a plain `fraction` takes `fraction`. Raises UsageError with the valid choices."""
    parts = name.split("+")
    if "limit" in {part.split("-")[0] for part in parts} and "growth" in parts:
        raise UsageError(
            f"Memory policy {name!r}: TensorFlow silently drops growth where a device has a memory limit. "
            "growth+fraction grows up to a share of the GPU."
        )
    if len(parts) > 1 and ("async" in parts or "default" in parts):
        raise UsageError(f"Memory policy {name!r}: default and async stand alone, each chooses the whole allocator.")
    if name in ("default", "async"):
        return Policy(asynchronous=name == "async")
    growth = parts[0] == "growth"
    shares = parts[1:] if growth else parts
    if not shares:
        return Policy(growth=True)
    kind, _, share = shares[0].partition("-")
    if len(shares) > 1 or kind != "fraction":
        raise UsageError(f"No memory policy {name!r}. Known: {', '.join(DESCRIPTIONS)}.")
    return Policy(growth=growth, fraction=check_fraction(_number(share) if share else fraction))


def check_fraction(fraction: float) -> float:
    """The fraction itself. Raises UsageError unless it is a share of a GPU."""
    if not 0 < fraction <= 1:
        raise UsageError(f"Memory fraction {fraction:g}: it is a share of the GPU's memory, above 0 and at most 1.")
    return fraction


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
