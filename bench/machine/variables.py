"""Which of a user's variables reach the processes that measure: what may pass is listed, with the reason.

A list of what must not pass would be as old as the TensorFlow it was written for: of the variables that frameworks,
allocators and Python itself look at, those that nobody has thought of are taken out.
"""

import os
import re
from collections.abc import Mapping
from pathlib import PurePath

# Names that begin like these are looked at; all others are the user's own affair.
_WATCHED = (
    "AUTOGRAPH_",
    "BLIS_",
    "CUDA_",
    "DNNL_",
    "GLIBC_TUNABLES",
    "GOMP_",
    "JAX_",
    "KERAS_",
    "KMP_",
    "LD_AUDIT",
    "LD_PRELOAD",
    "MALLOC_",
    "MKL_",
    "NCCL_",
    "NPROC",
    "NUMPY_",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PJRT_",
    "PYTHON",
    "PYTORCH_",
    "TCMALLOC_",
    "TF_",
    "TORCH",
    "TRITON_",
    "XLA_",
)

# Settings that somebody chose for this machine and that speeds depend on: they stay, stand in the result, and are part
# of what two results differ in. Names, or beginnings that end in an underscore.
_SETTINGS = {
    "BLIS_": "NumPy's products",
    "CUDA_DEVICE_MAX_CONNECTIONS": "queues between a process and its GPU",
    "CUDA_DEVICE_ORDER": "what an index means",
    "CUDA_LAUNCH_BLOCKING": "every launch waits",
    "CUDA_MODULE_LOADING": "kernels are loaded at the first call or before",
    # Of a GPU that others share these are what they were promised: to take them out would be to take theirs.
    "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "the share of a GPU's processors under MPS",
    "CUDA_MPS_CLIENT_PRIORITY": "who waits for whom under MPS",
    "CUDA_MPS_ENABLE_PER_CTX_DEVICE_MULTIPROCESSOR_PARTITIONING": "what that share is of",
    "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": "the share of a GPU's memory under MPS",
    "CUDA_VISIBLE_DEVICES": "which GPU",
    "DNNL_": "oneDNN's own settings",
    "GLIBC_TUNABLES": "the C library's allocator",
    "GOMP_": "threads of GNU's OpenMP",
    "KMP_": "threads of Intel's OpenMP",
    "LD_PRELOAD": "another allocator, as a rule",
    "MALLOC_": "the C library's allocator",
    "MKL_": "threads and code paths of MKL",
    "NCCL_": "how GPUs speak to each other, in one host and between hosts",
    "NVIDIA_TF32_OVERRIDE": "TF32 in all of CUDA's libraries",
    "OMP_": "threads of OpenMP",
    "ONEDNN_": "oneDNN's own settings",
    "OPENBLAS_": "NumPy's products",
    "TCMALLOC_": "another allocator",
    "TF_CUDA_PLATFORM_GPU_DEVICE_SCHEDULE": "whether a process that waits for the GPU spins, yields or sleeps",
    "TF_DETERMINISTIC_OPS": "slower kernels that repeat to the last digit",
    "TF_ENABLE_ONEDNN_OPTS": "oneDNN's kernels or Eigen's",
    "TF_GPU_THREAD_COUNT": "threads that launch kernels",
    "TF_GPU_THREAD_MODE": "threads that launch kernels",
    "TF_NUM_INTEROP_THREADS": "threads between operations",
    "TF_NUM_INTRAOP_THREADS": "threads inside of operations",
    "TF_XLA_FLAGS": "XLA, but for what would change what a case is (environment.for_servers)",
    "XLA_FLAGS": "XLA's own settings",
}

# Where things are, which no speed depends on. They stay, and do not stand in the result: paths may name someone.
_PLACES = {
    "CUDA_CACHE_DISABLE": "the cache of compiled kernels, which has a fact of its own",
    "CUDA_CACHE_MAXSIZE": "the cache of compiled kernels",
    "CUDA_CACHE_PATH": "the cache of compiled kernels",
    "CUDA_HOME": "CUDA's tools",
    "CUDA_MPS_LOG_DIRECTORY": "the server that shares a GPU",
    "CUDA_MPS_PIPE_DIRECTORY": "the server that shares a GPU",
    "CUDA_PATH": "CUDA's tools",
    "KERAS_HOME": "the data set",
    "PYTHONDONTWRITEBYTECODE": "folders that cannot be written to",
    "PYTHONHASHSEED": "the order of sets, which nothing here depends on",
    "PYTHONHOME": "the standard library",
    "PYTHONIOENCODING": "logs",
    "PYTHONNOUSERSITE": "which packages are found",
    "PYTHONPATH": "which packages are found",
    "PYTHONPYCACHEPREFIX": "compiled modules",
    "PYTHONUSERBASE": "which packages are found",
    "PYTHONUTF8": "logs",
}


def taken_out(inherited: Mapping[str, str] = os.environ) -> list[str]:
    """The names of those that the processes do not get."""
    return sorted(
        name
        for name, value in inherited.items()
        if value and name.startswith(_WATCHED) and not _is_in(name, _SETTINGS) and name not in _PLACES
    )


def settings(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those that speeds depend on, as a result may have them: of a library that is loaded first its name alone."""
    return {
        name: _names_of(value) if name == "LD_PRELOAD" else value
        for name, value in sorted(inherited.items())
        if value and _is_in(name, _SETTINGS)
    }


def _is_in(name: str, listed: Mapping[str, str]) -> bool:
    return any(name == entry or (entry.endswith("_") and name.startswith(entry)) for entry in listed)


def _names_of(paths: str) -> str:
    return ":".join(PurePath(path).name for path in re.split("[: ]", paths) if path)
