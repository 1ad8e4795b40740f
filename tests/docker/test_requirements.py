"""What images install is what constraints.txt pins, with hashes, and from nowhere in particular."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "docker").glob("requirements-*.txt"))


def pins(path):
    """Name, version and marker of each line that pins something."""
    text = path.read_text().replace(" \\\n", "\n")
    return {line.strip() for line in text.splitlines() if re.match(r"[a-z0-9]", line)}


def names(lines):
    return {re.split(r"[=\[ ]", line)[0] for line in lines}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_versions_are_those_of_the_constraints_and_each_has_hashes(path):
    constraints = {line.split(" ;")[0] for line in pins(ROOT / "constraints.txt")}
    assert {line.split(" ;")[0] for line in pins(path)} <= constraints
    samples = re.split(r"\n(?=[a-z0-9])", path.read_text())[1:]
    assert samples
    assert all("--hash=sha256:" in sample for sample in samples)
    assert "://" not in path.read_text()


def test_each_flavour_has_its_tensorflow_and_all_that_the_project_needs():
    cpu, gpu = (names(pins(ROOT / f"docker/requirements-{extra}.txt")) for extra in ("cpu", "gpu"))
    needed = set(re.findall(r'^  "([a-z0-9-]+)[>=]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    assert {"numpy", "matplotlib", "tensorboard"} <= needed
    assert needed - {"tensorflow", "tensorflow-cpu"} <= cpu & gpu
    assert "tensorflow-cpu" in cpu
    assert {"tensorflow", "nvidia-cudnn-cu12", "nvidia-cuda-cupti-cu12"} <= gpu
    assert not any(name.startswith("nvidia-cu") for name in cpu)
