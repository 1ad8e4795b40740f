"""The fingerprint: what is in it, and what must not be."""

import json
import os
import subprocess
from pathlib import Path

from bench import device
from bench.observe import environment


def test_machine_info_has_no_host_name():
    info = environment.machine_info(None)
    assert info["node"] == ""
    assert environment.machine_info("rack-7")["node"] == "rack-7"
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


def test_servers_get_no_lasting_xla_cache(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/x --tf_xla_auto_jit=2")
    variables = environment.for_servers(device.choose("cpu"))
    assert variables["TF_XLA_FLAGS"] == "--tf_xla_auto_jit=2"
    assert variables["CUDA_VISIBLE_DEVICES"] == "-1"
    assert variables["KERAS_BACKEND"] == "tensorflow"


def test_versions():
    assert environment.version("numpy")
    assert environment.version("no-such-distribution") is None
