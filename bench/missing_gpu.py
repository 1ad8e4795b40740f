"""Why TensorFlow does not use a GPU whose driver is there: the likely cause and the remedy, from what it logged."""

import os
import re
from dataclasses import dataclass

from bench import container


@dataclass(frozen=True)
class Cause:
    """In a few words what is wrong, and what to do."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}"


_NO_LIBRARY = "the driver's own library is not here"
_INSTALL = "Install this project's extra `gpu`"

# Lines of TensorFlow 2.18 to 2.21 and of the CUDA libraries it logs; the first that is found wins.
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
        r"CUDA driver version is insufficient|CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
        "the driver is too old for TensorFlow's CUDA",
        "Install driver 525 or newer",
    ),
    (
        r"Loaded runtime CuDNN library: ([\d.]+) but source was compiled with: ([\d.]+)",
        "cuDNN {0} was found where TensorFlow needs {1}",
        "Take other CUDA libraries out of LD_LIBRARY_PATH; the extra `gpu` brings the right ones",
    ),
    (
        r"Ignoring visible gpu device .*ompute capability:? (\d+\.\d+).*minimum required Cuda \w+ is (\d+\.\d+)",
        "the card's compute capability, {0}, is below what this TensorFlow supports, {1}",
        "Choose another card with --gpu",
    ),
    (
        r"CUDA_ERROR_NO_DEVICE",
        "the driver knows no card by that name",
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
        "Check nvidia-smi, and that the driver is 525 or newer",
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
        "it gave no reason", "Check nvidia-smi -L, and that CUDA_VISIBLE_DEVICES names a card"
    )


def complaint(log: str) -> Cause | None:
    """The first known complaint in a log, None where there is none."""
    for pattern, what, remedy in _SIGNS:
        if match := re.search(pattern, log):
            kind = container.kind()
            if what == _NO_LIBRARY and kind:
                remedy = f"This container was not given the card's libraries: {container.how_to_get_a_gpu(kind)}"
            return Cause(what.format(*(group.strip() for group in match.groups())), remedy)
    return None


def explain(cuda_build: bool, log: str) -> str:
    """The same as the message of an error."""
    cause = find(cuda_build, log)
    return f"A GPU driver is present, but {SEES_NONE}: {cause}; or run with --device cpu."
