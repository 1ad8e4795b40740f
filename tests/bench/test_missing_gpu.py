"""The likely cause is read from what TensorFlow logs."""

import pytest

from bench import container, missing_gpu

LOGS = [
    ("E0000 failed call to cuInit: INTERNAL: CUDA error: CUDA_ERROR_NO_DEVICE: ...", "knows no card"),
    ("E0000 failed call to cuInit: UNKNOWN ERROR (303)", "the driver's own library is not here"),
    ("E0000 failed call to cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "of different versions"),
    ("E0000 failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error", "refused (CUDA_ERROR_UNKNOWN: unknown error)"),
    ("E0000 kernel version 470.82.1 does not match DSO version 525.60.11 -- cannot find", "(525.60.11) and its kernel"),
    ("E CUDA driver version is insufficient for CUDA runtime version", "driver is too old"),
    ("W0000 Cannot dlopen some GPU libraries. Please ...", "CUDA's libraries are missing"),
    (
        "E Loaded runtime CuDNN library: 9.1.0 but source was compiled with: 9.3.0.  CuDNN library needs",
        "cuDNN 9.1.0 was found where TensorFlow needs 9.3.0",
    ),
    (
        "Ignoring visible gpu device (device: 0, name: Tesla M60, pci bus id: 0000:00:1e.0, compute capability: 5.2) "
        "with Cuda compute capability 5.2. The minimum required Cuda capability is 6.0.",
        "compute capability, 5.2, is below what this TensorFlow supports, 6.0",
    ),
]


@pytest.mark.parametrize(("log", "cause"), LOGS)
def test_the_likely_cause_is_named(log, cause):
    text = missing_gpu.explain(True, f"I0000 something else\n{log}\nI0000 more\n")
    assert cause in text
    assert "--device cpu" in text


def test_a_build_without_cuda_is_cause_enough():
    assert "built without CUDA" in missing_gpu.explain(False, LOGS[0][0])


def test_without_a_sign_it_says_so():
    assert "no reason" in missing_gpu.explain(True, "")
    assert missing_gpu.complaint("I0000 Created device GPU:0") is None


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [(None, "libnvidia-compute"), ("docker", "--gpus all"), ("singularity", "--nv"), ("podman", r"nvidia.com/gpu=all")],
)
def test_a_container_that_shows_the_card_without_its_libraries_is_told_the_flag(monkeypatch, kind, remedy):
    """As Apptainer without --nv does, which shows the host's devices."""
    monkeypatch.setattr(container, "kind", lambda: kind)
    assert remedy in missing_gpu.explain(True, "E0000 failed call to cuInit: UNKNOWN ERROR (303)")


@pytest.mark.parametrize(("flavour", "remedy"), [(None, "extra `gpu`"), ("cpu", "--build-arg EXTRA=gpu")])
def test_a_build_without_cuda_is_told_what_to_install_or_build(monkeypatch, flavour, remedy):
    monkeypatch.delenv(container.FLAVOUR, raising=False)
    if flavour:
        monkeypatch.setenv(container.FLAVOUR, flavour)
    assert remedy in missing_gpu.explain(False, "")
