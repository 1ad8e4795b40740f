"""Two ranks on two hosts: network namespaces of the kernel, joined by a link that has a delay."""

import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest
from support import patience, slow_link

from bench.results import files

DELAY_SECONDS = 0.001  # one way


@pytest.fixture(scope="module")
def namespaces():
    """Two with a slow link between them; skip where they cannot be made."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs to be root, with iproute2: network namespaces")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores: each is a rank's device")
    names = [f"bench-{os.getpid()}-{i}" for i in range(2)]
    try:
        slow_link.make(names)
    except subprocess.CalledProcessError as error:
        slow_link.remove(names)
        pytest.skip(f"network namespaces cannot be made here: {error.stderr[:200]}")
    command = [sys.executable, "-m", "support.slow_link", *names, str(DELAY_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as link:
        try:
            if link.stdout.readline() != "ready\n":
                pytest.skip("packets cannot be carried between network namespaces here")
            yield names
        finally:
            link.kill()
            slow_link.remove(names)


def rank(namespace, number, folder):
    command = [
        "ip",
        "netns",
        "exec",
        namespace,
        sys.executable,
        "-m",
        "support.rank_run",
        str(number),
        slow_link.HOSTS[0],
    ]
    return subprocess.Popen([*command, str(folder)], stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def job(namespaces, tmp_path_factory):
    """What both ranks ended with, and the result of the first."""
    folder = tmp_path_factory.mktemp("job")
    ranks = [rank(name, i, folder) for i, name in enumerate(namespaces)]
    said = [one.communicate(timeout=patience.limit(240))[1] for one in ranks]
    (result,) = folder.glob("*/result.json")
    return [one.returncode for one in ranks], files.read(result), said


def test_two_hosts_make_one_result(job):
    codes, document, said = job
    assert codes == [0, 0], said
    names = [benchmark.name for benchmark in document.benchmarks]
    assert names == ["single/1/64/function", "multi-worker/2/64/function", "single/1/64/function/control"]
    assert all(benchmark.extra_info.same_model[0].passed for benchmark in document.benchmarks)
    facts = document.autoencoder_bench.facts
    assert facts["rank_0"]["cpu_model"] == facts["rank_1"]["cpu_model"]
    assert "bench rank --ranks 2" in document.autoencoder_bench.plan.command


def test_what_the_link_delays_is_communication(job):
    """Ranks answer each other: an all-reduce takes the way there and back, and a step is no shorter than that."""
    benchmark = next(one for one in job[1].benchmarks if one.extra_info.case.devices == 2)
    found = benchmark.extra_info.figures
    assert found["all_reduce_model_seconds"].value > 2 * DELAY_SECONDS
    assert found["all_reduce_of_4_seconds"].value > 2 * DELAY_SECONDS
    assert min(benchmark.stats.data) > 2 * DELAY_SECONDS
    assert found["all_reduce_share"].value > 2 * DELAY_SECONDS / max(benchmark.stats.data)


def test_a_rank_that_is_lost_fails_the_case_and_ends_no_rank_alone(namespaces, tmp_path):
    """The follower is killed while it measures: rank 0 says which one, saves the rest, and nothing is left over."""
    ranks = [rank(name, i, tmp_path) for i, name in enumerate(namespaces)]
    follower = psutil.Process(ranks[1].pid)
    patience.eventually(lambda: any("rank-1" in str(log) for log in tmp_path.glob("*/logs/*/*")) or follower.children())
    patience.eventually(lambda: len(follower.children(recursive=True)) >= 2, 120)
    left = follower.children(recursive=True)
    os.kill(ranks[1].pid, signal.SIGKILL)
    _, said = ranks[0].communicate(timeout=patience.limit(240))
    ranks[1].communicate()
    assert ranks[0].returncode == 1, said
    (result,) = tmp_path.glob("*/result.json")
    statuses = {case.name: case for case in files.read(result).autoencoder_bench.experiments[0].cases}
    failed = statuses["multi-worker/2/64/function"]
    assert failed.status == "failed"
    assert "ank 1" in failed.failure.reason
    assert statuses["single/1/64/function"].status == "measured"
    patience.eventually(lambda: not any(one.is_running() for one in left))
