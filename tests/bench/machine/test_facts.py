"""Facts about machines made of files, and about this one."""

import json
import os

import pytest

from bench.machine import facts as machine_facts


@pytest.fixture
def root(tmp_path):
    files = {
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse hypervisor avx2\n",
        "proc/self/cgroup": "0::/batch/job\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "3500000\n",
        "sys/fs/cgroup/batch/job/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/batch/job/memory.max": "4294967296\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def values(root, **environment):
    return {f"{g}/{n}": fact for g, facts in machine_facts.look(root, environment).items() for n, fact in facts.items()}


def test_a_machine_of_files_is_described(root):
    found = values(root, BENCH_IMAGE_DIGEST="registry/bench@sha256:0a1b")
    assert found["cpu/model"].value == "AMD EPYC"
    assert found["cpu/governor"].value == "powersave"
    assert found["cpu/max_hertz"].value == 3_500_000_000
    assert found["cpu/virtualised"].value is True
    assert found["container/cpu_limit"].value == 1.5
    assert found["container/memory_limit_bytes"].value == 4 * 2**30
    assert found["container/image_digest"].value == "registry/bench@sha256:0a1b"


@pytest.mark.parametrize(
    ("flags", "bfloat16", "float16"),
    [
        ("fpu avx2", "", ""),
        ("avx512_bf16 avx512_fp16", "avx512_bf16", "avx512_fp16"),
        ("amx_bf16 avx512_bf16 amx_tile", "amx_bf16, avx512_bf16", ""),
    ],
    ids=["none", "vectors", "tiles"],
)
def test_instructions_for_few_bits_are_named(root, flags, bfloat16, float16):
    (root / "proc/cpuinfo").write_text(f"model name\t: Xeon\nflags\t\t: {flags}\n")
    found = values(root)
    assert found["cpu/bfloat16_instructions"].value == bfloat16
    assert found["cpu/float16_instructions"].value == float16


def test_without_flags_nothing_is_known_of_instructions(root):
    (root / "proc/cpuinfo").write_text("model name\t: Neoverse\n")
    fact = values(root)["cpu/bfloat16_instructions"]
    assert (fact.value, fact.reason) == (None, "the kernel gives no flags")


def test_an_image_of_ours_is_told_by_its_build(root):
    (root / "opt/bench").mkdir(parents=True)
    (root / "opt/bench/build-id").write_text("ab" * 32 + "\n")
    found = values(root, BENCH_IMAGE_FLAVOUR="gpu")
    assert found["container/image_build"].value == "ab" * 32
    assert found["container/image_flavour"].value == "gpu"
    assert found["container/kind"].value == "container"
    (root / "opt/bench/build-id").write_text("latest")
    assert "no hash" in values(root)["container/image_build"].reason


def test_what_is_not_there_is_none_with_a_reason(tmp_path):
    found = values(tmp_path, BENCH_IMAGE_DIGEST="an image; rm -rf")
    for name in ("cpu/model", "cpu/governor", "container/cpu_limit", "container/image_digest"):
        assert found[name].value is None
        assert found[name].reason
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text("max 100000")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("nonsense")
    found = values(tmp_path)
    assert found["container/cpu_limit"].reason == "no limit"
    assert "ValueError" in found["container/memory_limit_bytes"].reason


def test_this_machine_is_described_without_its_name():
    found = machine_facts.look()
    assert found["cpu"]["threads"].value == os.cpu_count()
    assert found["memory"]["total_bytes"].value > 2**30
    text = json.dumps({group: {name: fact.value for name, fact in facts.items()} for group, facts in found.items()})
    assert os.uname().nodename not in text
