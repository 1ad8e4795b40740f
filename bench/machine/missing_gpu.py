"""Why TensorFlow does not use a GPU whose driver is there: the likely cause and the remedy, from what it logged."""

import os
import re
from dataclasses import dataclass

from bench.machine import container


@dataclass(frozen=True)
class Cause:
    """In a few words what is wrong, and what to do."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}"


_NO_LIBRARY = "the driver's own library is not here"
_INSTALL = "Install this project's extra `gpu`"
TOO_NEW = 10  # the first major compute capability that the wheel has no code for
TOO_NEW_ISSUES = "tensorflow #97387, #99592, #101746, #111958"
_TOO_NEW = f"Choose another GPU with --gpu, or a TensorFlow that is built for this one ({TOO_NEW_ISSUES})"
_DRIVER = "driver 525 or newer, 555 or newer on Hopper"

# Lines of TensorFlow 2.18 to 2.21 and of the CUDA libraries it logs. The first that is found wins: a cause comes before
# what follows from it, and last what any refusal of the driver looks like.
_SIGNS = (
    (
        r"Cannot dlopen some GPU libraries",
        "CUDA's libraries are missing",
        "Install this project's extra `gpu`, which brings them",
    ),
    (
        r"kernel version ([\d.]+) does not match DSO version ([\d.]+)",
        "the driver's library ({1}) and its kernel module ({0}) are of different versions",
        "Reboot after the driver's update, or load the new module",
    ),
    (
        r"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
        "the driver's library and its kernel module are of different versions",
        "Reboot after the driver's update, or load the new module",
    ),
    (
        r"CUDA driver version is insufficient",
        "the driver is too old for TensorFlow's CUDA",
        f"Install {_DRIVER}",
    ),
    (
        # The first of a chain of three (ComfyUI-Molmo #26, TensorFlow 2.18).
        r"CUDA_ERROR_UNSUPPORTED_PTX_VERSION|PTX was compiled with an unsupported toolchain",
        "the driver is too old for those kernels that TensorFlow brings as PTX 8.5 alone",
        "Install driver 555 or newer, that of CUDA 12.5",
    ),
    (
        # tensorflow #111958; the process ends with it.
        r"PTX version [\d.]+ does not support target '?(sm_\w+)",
        "XLA cannot compile for this GPU, {0}, which is newer than TensorFlow's CUDA",
        _TOO_NEW,
    ),
    (
        # tensorflow #101746 and #99592, where CUDA_ERROR_INVALID_HANDLE follows.
        r"CUDA_ERROR_INVALID_PTX",
        "the driver cannot compile TensorFlow's kernels for this GPU",
        _TOO_NEW,
    ),
    (
        # openxla/xla #5932; "CC 12.0" where the ptxas is the one that TensorFlow 2.21 brings.
        r"ptxas does not support CC (1\d\.\d)",
        "ptxas does not know the GPU's compute capability, {0}, which is newer than TensorFlow's CUDA",
        _TOO_NEW,
    ),
    (
        r"ptxas does not support CC (\d\.\d)",
        "an old ptxas was found, which does not know the GPU's compute capability, {0}",
        "Take other CUDA tools out of PATH; the extra `gpu` brings the right one",
    ),
    (
        # tensorflow #42467 and #60530.
        r"no kernel image is available|CUDA_ERROR_NO_BINARY_FOR_GPU",
        "TensorFlow has no code for this GPU",
        _TOO_NEW,
    ),
    (
        # tensorflow #97387 and #89272. Of older GPUs it says only that compiling takes long.
        r"not built with CUDA kernel binaries compatible with compute capability (1\d\.\d+\w?)",
        "the GPU's compute capability, {0}, is newer than TensorFlow's CUDA",
        _TOO_NEW,
    ),
    (
        # tensorflow #99592, where the log holds no more than the last of the chain.
        r"CUDA_ERROR_INVALID_HANDLE",
        "the driver does not start TensorFlow's kernels, as on GPUs newer than its CUDA",
        _TOO_NEW,
    ),
    (
        r"Loaded runtime CuDNN library: ([\d.]+) but source was compiled with: ([\d.]+)",
        "cuDNN {0} was found where TensorFlow needs {1}",
        "Take other CUDA libraries out of LD_LIBRARY_PATH; the extra `gpu` brings the right ones",
    ),
    (
        r"Ignoring visible gpu device .*ompute capability:? (\d+\.\d+).*minimum required Cuda \w+ is (\d+\.\d+)",
        "the GPU's compute capability, {0}, is below what this TensorFlow supports, {1}",
        "Choose another GPU with --gpu",
    ),
    (
        # tensorflow #45450 and #48558; in EXCLUSIVE_PROCESS and PROHIBITED mode (cuda.h of CUDA 12).
        r"CUDA_ERROR_DEVICE_UNAVAILABLE|CUDA-capable device(?:s|\(s\)) (?:are|is/are) busy or unavailable",
        "the GPU admits no further process",
        "End others on it (nvidia-smi lists them), or let it admit more: sudo nvidia-smi -c 0",
    ),
    (
        # tensorflow #7272 and #14475. In cuda_status.cc of openxla/xla every error of that kind reads alike; a line on
        # an allocation that failed is usual, for the allocator then asks for less.
        r"(?m)^(?!.*(?i:failed to alloc)).*CUDA_ERROR_OUT_OF_MEMORY",
        "the GPU has no memory left to start a process in",
        "End others on it (nvidia-smi lists them)",
    ),
    (
        # nvidia-container-toolkit #714: number 805, the first of several about MPS.
        r"CUDA_ERROR_MPS_\w+|MPS client failed to connect",
        "the GPU is shared through MPS, whose server does not answer",
        "End it (echo quit | nvidia-cuda-mps-control) or start it anew (nvidia-cuda-mps-control -d), as its owner; "
        "in a container, unset CUDA_MPS_PIPE_DIRECTORY, or mount that folder",
    ),
    (
        r"CUDA_ERROR_NO_DEVICE",
        "the driver knows no GPU by that name",
        "Compare CUDA_VISIBLE_DEVICES or --gpu with nvidia-smi -L",
    ),
    (
        r"UNKNOWN ERROR \(303\)|CUDA_ERROR_SHARED_OBJECT",
        _NO_LIBRARY,
        "Install the driver's libraries for programs, as the package libnvidia-compute",
    ),
    (
        r"failed call to cuInit: (.*)",
        "the driver refused ({0})",
        f"Check nvidia-smi, and that it shows {_DRIVER}",
    ),
)
SEES_NONE = "TensorFlow sees no GPU"
_NO_CUDA = "the TensorFlow installed here is built without CUDA"


def find(cuda_build: bool, log: str) -> Cause:
    """The likely cause, from the log of a worker that looked for GPUs and saw none."""
    if not cuda_build:
        ours = container.FLAVOUR in os.environ
        return Cause(_NO_CUDA, "Build the image with --build-arg EXTRA=gpu" if ours else _INSTALL)
    return complaint(log) or Cause(
        "it gave no reason", "Check nvidia-smi -L, and that CUDA_VISIBLE_DEVICES names a GPU"
    )


def complaint(log: str) -> Cause | None:
    """The first known complaint in a log, None where there is none."""
    for pattern, what, remedy in _SIGNS:
        if match := re.search(pattern, log):
            kind = container.kind()
            if what == _NO_LIBRARY and kind:
                remedy = f"This container was not given the GPU's libraries: {container.how_to_get_a_gpu(kind)}"
            return Cause(what.format(*(group.strip() for group in match.groups())), remedy)
    return None


def explain(cuda_build: bool, log: str) -> str:
    """The same as the message of an error."""
    cause = find(cuda_build, log)
    return f"A GPU driver is present, but {SEES_NONE}: {cause}; or run with --device cpu."
