"""CUDA's cache of code compiled for a GPU: a folder that lasts, large enough, and whether it was cold."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.results.record import Fact

# Enough for all of TensorFlow's kernels; CUDA's own default is a quarter of it, and drops what does not fit.
SIZE_BYTES = 4 * 2**30


@dataclass(frozen=True)
class CudaCache:
    """The variables for the workers, and the state of the folder before them."""

    environment: dict[str, str]
    state: Literal["cold", "warm", "disabled"] | None
    reason: str | None = None

    @property
    def fact(self) -> Fact:
        """The state, as it stands in a result; the folder does not, since its path may name someone."""
        return Fact(value=self.state, reason=self.reason)


def prepare(inherited: Mapping[str, str] = os.environ) -> CudaCache:
    """Make sure of the folder: the user's own CUDA_CACHE_PATH, or one in the user's cache.

    A GPU without matching machine code in TensorFlow's wheel compiles for up to half an hour (tensorflow #62320); with
    a cache that lasts only once, not in every process.
    """
    if inherited.get("CUDA_CACHE_DISABLE") == "1":
        return CudaCache({}, "disabled", "CUDA_CACHE_DISABLE is 1")
    own = inherited.get("CUDA_CACHE_PATH")
    folder = Path(own) if own else _user_cache(inherited) / "autoencoder-bench" / "cuda"
    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        warm = any(folder.iterdir())
        writable = os.access(folder, os.W_OK)
    except (OSError, RuntimeError) as error:
        return CudaCache({}, None, f"no folder for CUDA's cache: {type(error).__name__}")
    if not writable:
        return CudaCache({}, None, "the folder for CUDA's cache is not writable: set CUDA_CACHE_PATH to one that is")
    size = max(SIZE_BYTES, _number(inherited.get("CUDA_CACHE_MAXSIZE")))
    variables = {"CUDA_CACHE_PATH": str(folder.absolute()), "CUDA_CACHE_MAXSIZE": str(size)}
    return CudaCache(variables, "warm" if warm else "cold")


def _user_cache(inherited: Mapping[str, str]) -> Path:
    return Path(inherited["XDG_CACHE_HOME"]) if inherited.get("XDG_CACHE_HOME") else Path.home() / ".cache"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
