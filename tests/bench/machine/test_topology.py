"""What lies between GPUs, asked through the real nvidia-ml-py of a library without a GPU."""

import json
import subprocess
import sys

import pytest
from support import patience

ASK = """
import json, sys
from bench.machine import topology
found = topology.facts(sys.argv[1:])
print(json.dumps({name: [fact.value, fact.reason] for name, fact in found.items()}))
"""
PAIR = ("0000:01:00.0", "0000:41:00.0")


def ask(stand_in, *bus_ids):
    done = subprocess.run(
        [sys.executable, "-c", ASK, *bus_ids],
        capture_output=True,
        text=True,
        timeout=patience.limit(60),
        check=False,
        env=stand_in.environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, "over a PCIe host bridge"),
        ({"topology": 50}, "between NUMA nodes"),
        ({"topology": 15}, "level 15 of NVML's topology"),
        ({"nvlink": 0}, "NVLink"),
        ({"nvlink": 4, "topology": 10}, "over one PCIe bridge"),  # disabled by the driver's settings
    ],
    ids=["usual", "two sockets", "unknown", "NVLink", "NVLink disabled"],
)
def test_what_lies_between_two(stand_in, state, expected):
    for name, content in state.items():
        stand_in.set(name, content)
    found = ask(stand_in, *PAIR)
    assert found == {"gpu_0": [PAIR[0], None], "gpu_1": [PAIR[1], None], "gpu_0_1": [expected, None]}


def test_a_gpu_that_nvml_does_not_know_has_a_reason(stand_in):
    value, reason = ask(stand_in, PAIR[0], "0000:09:00.0")["gpu_0_1"]
    assert value is None
    assert reason.startswith("NVML knows no GPU")


def test_a_driver_that_fails_has_a_reason(stand_in):
    stand_in.set("scenario", "failing-after 0")
    value, reason = ask(stand_in, *PAIR)["gpu_0_1"]
    assert value is None
    assert reason.startswith("NVML: ")
