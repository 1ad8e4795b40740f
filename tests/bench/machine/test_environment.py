"""The fingerprint: what is in it, and what must not be."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bench.machine import device, environment


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
    info = environment.commit_info()
    assert info["id"] is None
    assert info["reason"].startswith("git: fatal: not a git repository")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout that the suite is installed from; variables of git's own would make it answer for another."""
    for name in ("suite", "other"):
        (tmp_path / name).mkdir()
        for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", name]):
            identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
            subprocess.run(["git", *identity, *words], cwd=tmp_path / name, check=True)
    monkeypatch.setattr(environment, "_ROOT", tmp_path / "suite")
    return tmp_path


def head(folder):
    done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES"]
)
def test_a_hook_of_another_repository_does_not_lend_its_commit(checkout, monkeypatch, name):
    expected = head(checkout / "suite")
    monkeypatch.setenv(name, str(checkout / "other" / ".git"))
    assert environment.commit_info()["id"] == expected


def test_a_checkout_behind_a_link_is_the_suites(checkout, monkeypatch):
    (checkout / "link").symlink_to(checkout / "suite")
    monkeypatch.setattr(environment, "_ROOT", checkout / "link")
    assert environment.commit_info()["id"] == head(checkout / "suite")


def test_a_package_inside_another_checkout_has_no_commit_and_says_so(checkout, monkeypatch):
    (checkout / "other" / "venv").mkdir()
    monkeypatch.setattr(environment, "_ROOT", checkout / "other" / "venv")
    info = environment.commit_info()
    assert (info["id"], info["reason"]) == (None, "the suite is not installed from a checkout of its own")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_a_checkout_of_another_owner_has_no_commit_and_gits_reason(checkout):
    for path in (checkout / "suite", checkout / "suite" / ".git"):
        os.chown(path, 4711, 4711)
    info = environment.commit_info()
    assert info["id"] is None
    assert "dubious ownership" in info["reason"]


CPU = device.choose("cpu")
GPU = device.DeviceChoice("gpu", "GPU 0", {"CUDA_VISIBLE_DEVICES": "0"}, "gpu", ("0",))


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
