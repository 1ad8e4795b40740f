"""CUDA's cache lasts, is large, and is known to be cold or warm."""

import os

from bench.machine import cuda_cache


def test_it_is_in_the_users_cache_and_turns_warm(tmp_path):
    inherited = {"XDG_CACHE_HOME": str(tmp_path)}
    cold = cuda_cache.prepare(inherited)
    assert cold.state == "cold"
    folder = tmp_path / "autoencoder-bench" / "cuda"
    assert cold.environment == {"CUDA_CACHE_PATH": str(folder), "CUDA_CACHE_MAXSIZE": "4294967296"}
    (folder / "index").touch()
    assert cuda_cache.prepare(inherited).state == "warm"
    assert str(tmp_path) not in str(cold.fact)  # a path may name someone


def test_the_users_own_folder_and_larger_size_are_kept(tmp_path):
    found = cuda_cache.prepare({"CUDA_CACHE_PATH": str(tmp_path / "own"), "CUDA_CACHE_MAXSIZE": str(2**40)})
    assert found.environment == {"CUDA_CACHE_PATH": str(tmp_path / "own"), "CUDA_CACHE_MAXSIZE": str(2**40)}
    assert cuda_cache.prepare({"CUDA_CACHE_PATH": str(tmp_path), "CUDA_CACHE_MAXSIZE": "1"}).environment[
        "CUDA_CACHE_MAXSIZE"
    ] == str(cuda_cache.SIZE_BYTES)


def test_without_a_folder_there_is_none_with_a_reason(tmp_path):
    (tmp_path / "file").touch()
    found = cuda_cache.prepare({"CUDA_CACHE_PATH": str(tmp_path / "file" / "below")})
    assert (found.state, found.environment) == (None, {})
    assert found.reason


def test_a_folder_that_is_not_writable_has_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # to root, everything is writable
    assert "CUDA_CACHE_PATH" in cuda_cache.prepare({"CUDA_CACHE_PATH": str(tmp_path)}).reason


def test_a_cache_that_was_switched_off_stays_off():
    found = cuda_cache.prepare({"CUDA_CACHE_DISABLE": "1"})
    assert (found.state, found.environment) == ("disabled", {})
