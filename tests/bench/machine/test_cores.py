"""Lists of cores as the kernel writes them."""

import os
from pathlib import Path

import pytest

from bench.machine import cores


@pytest.mark.parametrize(
    ("numbers", "text"), [((0, 1, 2, 3, 8), "0-3,8"), ((5,), "5"), ((9, 7, 8, 7), "7-9"), ((), None)]
)
def test_neighbours_are_joined(numbers, text):
    assert cores.ranges(numbers) == text


def test_it_is_what_the_kernel_says_of_this_process():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if "Cpus_allowed_list" in line]
    assert cores.ranges(os.sched_getaffinity(0)) == line.split()[1]
