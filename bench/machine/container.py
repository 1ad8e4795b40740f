"""Whether this process is in a container, of which kind, from which of our images, and how it would get a GPU."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

FLAVOUR = "BENCH_IMAGE_FLAVOUR"  # set in our images
DIGEST = "BENCH_IMAGE_DIGEST"  # by whoever starts the container: from inside it cannot be known
BUILD_ID = "opt/bench/build-id"  # docker/build-id says of what
REVISION = "revision"  # beside the environment, so that each of two in one image has its own

_HOW_TO_GET_A_GPU = {
    "docker": "start it with --gpus all",
    "podman": "start it with --device nvidia.com/gpu=all",
    "kubernetes": "ask for one under resources, limits: nvidia.com/gpu: 1",
    "singularity": "start it with --nv",
    "container": "start it with --gpus all, or what its runtime calls that",
}


def kind(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> str | None:
    """The kind of container, as far as that shows; `container` where only our image does, None outside of any."""
    if "KUBERNETES_SERVICE_HOST" in environment:
        return "kubernetes"
    if "SINGULARITY_CONTAINER" in environment or "APPTAINER_CONTAINER" in environment:
        return "singularity"
    if (root / ".dockerenv").exists():
        return "docker"
    # A read-only podman hides its file.
    if (root / "run/.containerenv").exists() or environment.get("container") == "podman":
        return "podman"
    return "container" if environment.get(FLAVOUR) else None


def build_id(root: Path = Path("/")) -> str:
    """The hash of what our image is made of. Raises FileNotFoundError outside of one, ValueError for anything else."""
    text = (root / BUILD_ID).read_text().strip()
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(f"/{BUILD_ID} holds no hash")
    return text


def revision(prefix: Path = Path(sys.prefix)) -> str | None:
    """The commit that the environment at `prefix` was built from, where it is one of our images' that was told."""
    try:
        found = (prefix.parent / REVISION).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return found if re.fullmatch("[0-9a-f]{7,64}", found) else None


def of_gpu_flavour(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is our image with CUDA."""
    return environment.get(FLAVOUR) == "gpu"


def maps_users(root: Path = Path("/")) -> bool:
    """Whether users have other numbers outside, as in a container that was started without root."""
    try:
        return (root / "proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]
    except OSError:
        return False


def how_to_get_a_gpu(kind: str, environment: Mapping[str, str] = os.environ) -> str:
    """What is missing where a container of this kind has no GPU, as the end of a sentence."""
    how = _HOW_TO_GET_A_GPU[kind]
    if environment.get(FLAVOUR) == "cpu":
        how += ", and take the image for GPUs (--build-arg EXTRA=gpu)"
    return how
