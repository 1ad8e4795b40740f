"""Binding a run to cores that are near its GPU."""

import os
import subprocess

import pytest

from bench.errors import UsageError
from bench.machine import affinity
from bench.machine.nvml import Gpu


class NearGpu(Gpu):
    def __init__(self, cores):
        super().__init__()
        object.__setattr__(self, "cores", cores)

    def near_cores(self):
        return self.cores


MINE = tuple(sorted(os.sched_getaffinity(0)))


def test_without_the_option_nothing_is_bound():
    assert affinity.cores("none", Gpu(absent="no GPU")) is None
    with affinity.bound(None):
        assert tuple(sorted(os.sched_getaffinity(0))) == MINE


def test_of_the_near_cores_those_that_may_be_used_are_taken():
    assert affinity.cores("near", NearGpu((*MINE[:1], 4_000))) == MINE[:1]


@pytest.mark.parametrize(
    ("gpu", "says"),
    [
        pytest.param(Gpu(absent="no GPU"), "near to what", id="no GPU"),
        pytest.param(NearGpu(None), "does not say", id="NVML does not say"),
        pytest.param(NearGpu((4_000,)), "may use none", id="none of ours"),
    ],
)
def test_what_cannot_be_bound_is_an_error_before_measuring(gpu, says):
    with pytest.raises(UsageError, match=says):
        affinity.cores("near", gpu)


def test_processes_that_are_started_meanwhile_are_bound_and_later_ones_are_not():
    command = ["grep", "Cpus_allowed_list", "/proc/self/status"]
    with affinity.bound(MINE[:1]):
        inside = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert inside.split()[1] == str(MINE[0])
    assert tuple(sorted(os.sched_getaffinity(0))) == MINE
