"""The likely cause is read from what TensorFlow logs."""

import pytest

from bench.machine import container, missing_gpu

LOGS = [
    ("E0000 failed call to cuInit: INTERNAL: CUDA error: CUDA_ERROR_NO_DEVICE: ...", "knows no GPU"),
    ("E0000 failed call to cuInit: UNKNOWN ERROR (303)", "the driver's own library is not here"),
    ("E0000 failed call to cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "of different versions"),
    ("E0000 failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error", "refused (CUDA_ERROR_UNKNOWN: unknown error)"),
    ("E0000 kernel version 470.82.1 does not match DSO version 525.60.11 -- cannot find", "(525.60.11) and its kernel"),
    ("E CUDA driver version is insufficient for CUDA runtime version", "driver is too old"),
    # CY-CHENYUE/ComfyUI-Molmo #26, TensorFlow 2.18 with an old driver.
    (
        "W tf_gpu_runtime_wrappers.cc:40] 'cuModuleLoadData(&module, data)' failed with "
        "'CUDA_ERROR_UNSUPPORTED_PTX_VERSION'\n"
        "W tf_gpu_runtime_wrappers.cc:40] 'cuModuleGetFunction(&function, module, kernel_name)' failed with "
        "'CUDA_ERROR_INVALID_HANDLE'",
        "Install driver 555 or newer",
    ),
    # huggingface/candle #1846, the driver's own words.
    ("the provided PTX was compiled with an unsupported toolchain.", "Install driver 555 or newer"),
    # tensorflow #111958, RTX 5060 Ti.
    (
        "LLVM ERROR: PTX version 8.5 does not support target 'sm_120' (or 'sm_120a').",
        "cannot compile for this GPU, sm_120",
    ),
    # tensorflow #99592 and #101746, RTX 5080.
    (
        "W tf_gpu_runtime_wrappers.cc:40] 'cuModuleLoadData(&module, data)' failed with 'CUDA_ERROR_INVALID_PTX'\n"
        "W tf_gpu_runtime_wrappers.cc:40] 'cuModuleGetFunction(&function, module, kernel_name)' failed with "
        "'CUDA_ERROR_INVALID_HANDLE'",
        "cannot compile TensorFlow's kernels for this GPU",
    ),
    ("INTERNAL: 'cuLaunchKernel(...)' failed with 'CUDA_ERROR_INVALID_HANDLE'", "does not start TensorFlow's kernels"),
    # tensorflow #89272, RTX 5080.
    (
        "W0000 gpu_device.cc:2447] TensorFlow was not built with CUDA kernel binaries compatible with compute "
        "capability 12.0. CUDA kernels will be jit-compiled from PTX",
        "capability, 12.0, is newer than",
    ),
    # openxla/xla #5932, an H800; of 12.0 the same line of xla/stream_executor/cuda/subprocess_compilation.cc.
    ("Falling back to the CUDA driver for PTX compilation; ptxas does not support CC 9.0", "an old ptxas was found"),
    (
        "Falling back to the CUDA driver for PTX compilation; ptxas does not support CC 12.0",
        "12.0, which is newer than",
    ),
    # tensorflow #60530 and #42467.
    (
        "Failed to load in-memory CUBIN: CUDA_ERROR_NO_BINARY_FOR_GPU: no kernel image is available for execution on "
        "the device",
        "has no code for this GPU",
    ),
    # tensorflow #48558; its new form is from cuda_status.cc of openxla/xla, with the words of cuda.h.
    ("Status: all CUDA-capable devices are busy or unavailable", "admits no further process"),
    (
        "INTERNAL: CUDA error: : CUDA_ERROR_DEVICE_UNAVAILABLE: CUDA-capable device(s) is/are busy or unavailable",
        "admits no further process",
    ),
    # tensorflow #7272; the new form is what cuda_status.cc of openxla/xla makes of cuDevicePrimaryCtxRetain's answer.
    (
        "failed call to cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY; total memory reported: 8499691520",
        "no memory left to start a process in",
    ),
    ("Bad StatusOr access: RESOURCE_EXHAUSTED: : CUDA_ERROR_OUT_OF_MEMORY: out of memory", "no memory left to start"),
    # nvidia-container-toolkit #714, and the name of number 805 in cuda.h.
    ("MPS client failed to connect to the MPS control daemon or the MPS server", "shared through MPS"),
    (
        "failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: CUDA_ERROR_MPS_CONNECTION_FAILED: MPS "
        "client failed to connect to the MPS control daemon or the MPS server",
        "shared through MPS",
    ),
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


@pytest.mark.parametrize("line", [LOGS[5][0], "failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error"])
def test_which_driver_is_needed_depends_on_the_gpu(line):
    assert "driver 525 or newer, 555 or newer on Hopper" in missing_gpu.explain(True, line)


@pytest.mark.parametrize(
    "line",
    [
        # The allocator then asks for less: it is so with every policy that wants more than there is.
        "I cuda_driver.cc:1193] failed to allocate 2.00GiB (2147483648 bytes) from device: RESOURCE_EXHAUSTED: : "
        "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        "E cuda_executor.cc:1182] [0] Failed to allocate device memory of 28.85GiB: RESOURCE_EXHAUSTED: : "
        "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        # Of an old GPU: it works, once it is compiled (tensorflow #62320).
        "TensorFlow was not built with CUDA kernel binaries compatible with compute capability 7.5.",
    ],
    ids=["2.18", "2.21", "old GPU"],
)
def test_what_is_usual_is_no_complaint(line):
    assert missing_gpu.complaint(f"I0000 something else\n{line}\n") is None


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [(None, "libnvidia-compute"), ("docker", "--gpus all"), ("singularity", "--nv"), ("podman", r"nvidia.com/gpu=all")],
)
def test_a_container_that_shows_the_gpu_without_its_libraries_is_told_the_flag(monkeypatch, kind, remedy):
    """As Apptainer without --nv does, which shows the host's devices."""
    monkeypatch.setattr(container, "kind", lambda: kind)
    assert remedy in missing_gpu.explain(True, "E0000 failed call to cuInit: UNKNOWN ERROR (303)")


@pytest.mark.parametrize(("flavour", "remedy"), [(None, "extra `gpu`"), ("cpu", "--build-arg EXTRA=gpu")])
def test_a_build_without_cuda_is_told_what_to_install_or_build(monkeypatch, flavour, remedy):
    monkeypatch.delenv(container.FLAVOUR, raising=False)
    if flavour:
        monkeypatch.setenv(container.FLAVOUR, flavour)
    assert remedy in missing_gpu.explain(False, "")
