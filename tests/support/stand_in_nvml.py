"""A libnvidia-ml.so.1 of our own, compiled from stand_in/nvml.c, for processes that load it as nvidia-ml-py does."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "bench" / "machine" / "stand_in" / "nvml.c"


@dataclass(frozen=True)
class StandIn:
    """The folder with the library, and the folder with the files that say what the GPUs are like."""

    library: Path
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that is to find it. The tests' own hiding of GPUs is not inherited."""
        inherited = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        ours = {"LD_LIBRARY_PATH": str(self.library), "NVML_STAND_IN": str(self.state)}
        return {**inherited, **ours, "CUDA_MPS_PIPE_DIRECTORY": str(self.state / "mps")}  # not one of this machine's

    def set(self, name: str, content: object) -> None:
        """Change what the GPUs are like, also while a process is asking."""
        (self.state / name).write_text(f"{content}\n")


def compile_into(folder: Path, *options: str) -> Path:
    """The folder with the library. Skips where there is no compiler, or no Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or os.name != "posix":
        pytest.skip("needs a C compiler, for the stand-in of NVML")
    folder.mkdir()
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", *options]
    subprocess.run([*command, "-o", str(folder / "libnvidia-ml.so.1"), str(SOURCE)], check=True)
    return folder


def with_state(library: Path, state: Path) -> StandIn:
    """The library with GPUs that are idle, and 400 MiB in use."""
    (state / "held").mkdir(parents=True)
    stand_in = StandIn(library, state)
    stand_in.set("used", 400 * 2**20)
    return stand_in
