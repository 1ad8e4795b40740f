"""Which rank a process is: from options, Slurm's variables, an Indexed Job's, or TF_CONFIG."""

import json

import pytest

from bench.errors import UsageError
from bench.launch import place
from bench.launch.place import PORT, Place

SLURM = {"SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_JOB_NODELIST": "node[2,10]"}
CONFIG = {"cluster": {"worker": ["a:2000", "b:2000"]}, "task": {"type": "worker", "index": 1}}


def hostnames(nodes):
    """As `scontrol show hostnames` may list them: in the order of the letters."""
    return {"node[2,10]": ["node10", "node2"]}[nodes]


def find(environment=None, rank=None, ranks=None, coordinator=None):
    return place.find(rank, ranks, coordinator, environment or {}, hostnames)


def test_slurms_first_host_is_the_first_by_number():
    """TensorFlow's own resolver takes node10 for it."""
    found = find(SLURM)
    assert (found.rank, found.ranks, found.host, found.port, found.source) == (3, 4, "node2", PORT, "Slurm")
    assert not found.leads


@pytest.mark.parametrize(
    ("environment", "options", "expected"),
    [
        pytest.param({}, (1, 2, "10.0.0.1"), (1, 2, "10.0.0.1", PORT), id="options"),
        pytest.param({}, (0, 2, "host:50"), (0, 2, "host", 50), id="a port of one's own"),
        pytest.param({}, (0, 2, "[fd00::1]:50"), (0, 2, "fd00::1", 50), id="IPv6"),
        pytest.param(SLURM, (None, None, "other"), (3, 4, "other", PORT), id="an option before the scheduler"),
        pytest.param(
            {"JOB_COMPLETION_INDEX": "1"}, (None, 2, "bench-0.bench"), (1, 2, "bench-0.bench", PORT), id="Kubernetes"
        ),
        pytest.param({"TF_CONFIG": json.dumps(CONFIG)}, (None, None, None), (1, 2, "a", 2001), id="TF_CONFIG"),
        pytest.param(
            {**SLURM, "TF_CONFIG": json.dumps(CONFIG)}, (None, None, None), (1, 2, "a", 2001), id="TF_CONFIG as given"
        ),
    ],
)
def test_options_and_schedulers(environment, options, expected):
    found = find(environment, *options)
    assert (found.rank, found.ranks, found.host, found.port) == expected


@pytest.mark.parametrize(
    ("environment", "options", "message"),
    [
        pytest.param({}, (None, None, None), "Say --rank and --ranks", id="nothing"),
        pytest.param({}, (0, None, None), "Say --ranks", id="no number"),
        pytest.param({"JOB_COMPLETION_INDEX": "0"}, (None, None, "a"), "Say --ranks", id="Kubernetes without a number"),
        pytest.param({}, (0, 2, None), "Say --coordinator", id="no coordinator"),
        pytest.param({}, (2, 2, "a"), "--rank 2: of 2 ranks it is 0 to 1", id="too high"),
        pytest.param({}, (0, 5_000, "a"), "1 to 1,024", id="too many"),
        pytest.param({}, (0, 2, "a:b"), "is no address", id="a port of letters"),
        pytest.param({}, (0, 2, "a:70000"), "is no address", id="a port too high"),
        pytest.param({**SLURM, "SLURM_PROCID": "x"}, (None, None, None), "SLURM_PROCID='x' is no number", id="Slurm"),
        pytest.param({"TF_CONFIG": "{"}, (None, None, None), "TF_CONFIG is not as", id="no JSON"),
        pytest.param({"TF_CONFIG": "[]"}, (None, None, None), "TF_CONFIG is not as", id="a list"),
        pytest.param(
            {"TF_CONFIG": json.dumps({**CONFIG, "task": {"type": "chief", "index": 0}})},
            (None, None, None),
            "a task is a worker",
            id="a chief",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(environment, options, message):
    with pytest.raises(UsageError, match=message):
        find(environment, *options)


def test_what_options_say_nobody_else_is_asked(monkeypatch):
    """An image that Slurm starts has no scontrol in it, and somebody's TF_CONFIG may be another program's."""
    monkeypatch.setenv("PATH", "")
    chief = {**SLURM, "TF_CONFIG": json.dumps({**CONFIG, "task": {"type": "chief", "index": 0}})}
    assert place.find(1, 2, "10.0.0.1", chief) == Place(1, 2, "10.0.0.1", PORT, "--coordinator")
    assert place.find(None, None, "10.0.0.1", SLURM).rank == 3


def test_without_slurms_own_command_the_coordinator_is_asked_for(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="say --coordinator HOST"):
        place.find(None, None, None, SLURM)
