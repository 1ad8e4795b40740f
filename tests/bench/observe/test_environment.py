"""The fingerprint: what is in it, and what must not be."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bench import device
from bench.observe import environment


def test_machine_info_has_no_host_name():
    info = environment.machine_info()
    assert info["node"] == ""
    assert info["cpu"]["count"] == os.cpu_count()
    assert info["memory_bytes"] > 2**30
    json.dumps(info)


def test_commit_info_is_this_checkouts():
    root = Path(environment.__file__).parents[2]
    done = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    expected = done.stdout.strip() if done.returncode == 0 and (root / ".git").exists() else None
    assert environment.commit_info()["id"] == expected


def test_commit_info_without_a_checkout_is_null(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "_ROOT", tmp_path)
    assert environment.commit_info()["id"] is None


CPU = device.choose("cpu")
GPU = device.DeviceChoice("gpu", "card 0", {"CUDA_VISIBLE_DEVICES": "0"}, "gpu", "0")


def test_variables_that_would_change_a_case_are_replaced():
    inherited = {
        "TF_XLA_FLAGS": "--tf_xla_persistent_cache_directory=/x --tf_xla_auto_jit=2 --tf_xla_clustering_debug",
        "TF_FORCE_GPU_ALLOW_GROWTH": "false",
        "TF_GPU_ALLOCATOR": "cuda_malloc_async",
        "KERAS_BACKEND": "jax",
        "TF_DEVICE_MIN_SYS_MEMORY_IN_MB": "4000",
    }
    variables = {**inherited, **environment.for_servers(GPU, inherited)}
    assert variables["TF_XLA_FLAGS"] == "--tf_xla_clustering_debug"
    assert variables["TF_FORCE_GPU_ALLOW_GROWTH"] == variables["TF_GPU_ALLOCATOR"] == ""
    assert variables["TF_DEVICE_MIN_SYS_MEMORY_IN_MB"] == ""
    assert "TF_GPU_ALLOCATOR" not in environment.recorded(GPU, inherited)
    assert variables["KERAS_BACKEND"] == "tensorflow"
    assert environment.for_servers(CPU, {})["CUDA_VISIBLE_DEVICES"] == "-1"


def test_variables_that_stay_and_matter_are_recorded():
    inherited = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CLI_CONFIG_FILE": "/home/someone/x", "CUDA_VISIBLE_DEVICES": "0,1"}
    recorded = environment.recorded(GPU, inherited)
    assert recorded["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert recorded["CUDA_VISIBLE_DEVICES"] == "0"
    assert "TF_CLI_CONFIG_FILE" not in recorded  # another program's


@pytest.mark.parametrize(
    ("text", "anonymised"),
    [
        (
            "--xla_dump_to=/home/someone/dump --xla_gpu_autotune_level=2",
            "--xla_dump_to=(path) --xla_gpu_autotune_level=2",
        ),
        ("--a=/x,--b='/y/z' /w", "--a=(path),--b='(path)' (path)"),
        ("--ratio=1/2 0,1", "--ratio=1/2 0,1"),
    ],
)
def test_settings_are_recorded_without_paths(text, anonymised):
    assert environment.anonymous(text) == anonymised
    assert environment.recorded(GPU, {"XLA_FLAGS": text})["XLA_FLAGS"] == anonymised


def test_versions():
    assert environment.version("numpy")
    assert environment.version("no-such-distribution") is None
