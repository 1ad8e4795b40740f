"""Limits of control groups made of files, of both versions; and what the kernel does with a real one."""

import os

import pytest

from bench.machine import control_group


@pytest.fixture
def group(tmp_path):
    """Write files below the root, and read the two limits."""

    def read(own, **files):
        (tmp_path / "proc/self").mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc/self/cgroup").write_text(own)
        for name, text in files.items():
            path = tmp_path / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return control_group.cpu_limit(tmp_path), control_group.memory_limit_bytes(tmp_path)

    return read


def test_version_2_where_a_parent_may_have_the_smaller_limit(group):
    found = group(
        "0::/slurm/job\n",
        slurm__job__cpu_dot_max="400000 100000",
        slurm__job__memory_dot_max="8589934592",
        slurm__cpu_dot_max="150000 100000",
        slurm__memory_dot_max="max",
    )
    assert found == (1.5, 8 * 2**30)


def test_a_container_sees_its_own_group_at_the_top(group):
    assert group("0::/\n", cpu_dot_max="50000 100000", memory_dot_max="1073741824") == (0.5, 2**30)
    assert group("0::/../neighbour\n") == (0.5, 2**30)


V1 = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n"


@pytest.mark.parametrize("below", ["", "docker__abc__"])
def test_version_1_with_its_own_path_or_a_containers(group, below):
    files = {
        f"cpu__{below}cpu_dot_cfs_quota_us": "250000",
        f"cpu__{below}cpu_dot_cfs_period_us": "100000",
        f"memory__{below}memory_dot_limit_in_bytes": "2147483648",
    }
    assert group(V1, **files) == (2.5, 2**31)


def test_no_limit_is_none(group):
    assert group(V1) == (None, None)
    found = group(
        V1 + "0::/job\n",
        cpu__cpu_dot_cfs_quota_us="-1",
        memory__memory_dot_limit_in_bytes="9223372036854771712",
        job__cpu_dot_max="max 100000",
        job__memory_dot_max="max",
    )
    assert found == (None, None)


@pytest.mark.parametrize(
    ("quota", "threads"), [("50000", 1), ("100000", 1), ("1990000", 19), ("99900000", None), ("max", None)]
)
def test_threads_are_whole_cores_and_none_where_all_may_be_used(group, tmp_path, monkeypatch, quota, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    group("0::/\n", cpu_dot_max=f"{quota} 100000")
    assert control_group.threads(tmp_path) == threads


def test_what_cannot_be_read_limits_no_threads(group, tmp_path):
    with pytest.raises(ValueError, match="nonsense"):
        group("0::/\n", cpu_dot_max="nonsense 1")
    assert control_group.threads(tmp_path) is None
    assert control_group.threads(tmp_path / "nowhere") is None
