"""Which rank of a job this process is, and where rank 0 is: from options, or from the variables of a scheduler.

TensorFlow's own resolver for Slurm is not used: it sorts node10 before node2, and fails without nvidia-smi.
"""

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.errors import UsageError

PORT = 45_217  # of rank 0, where none is named; not among those that IANA assigns (RFC 6335: up to 49151 on request)
MOST_RANKS = 1_024


@dataclass(frozen=True)
class Place:
    """A rank among all ranks of a job, and where rank 0 listens; `source` says what told so."""

    rank: int
    ranks: int
    host: str
    port: int
    source: str

    @property
    def leads(self) -> bool:
        """Whether it measures and writes the result."""
        return self.rank == 0


def find(
    rank: int | None,
    ranks: int | None,
    coordinator: str | None,
    environment: Mapping[str, str],
    hostnames: Callable[[str], Sequence[str]] | None = None,
) -> Place:
    """The place that options name, each of them before the scheduler's variables: Slurm's, Kubernetes', TF_CONFIG.

    `hostnames` lists the hosts of Slurm's compressed list. Raises UsageError where something is missing or contradicts.
    """
    told = rank is not None and ranks is not None and coordinator is not None
    found = _Known() if told else _of_scheduler(environment, None if coordinator else hostnames or _scontrol)
    rank = found.rank if rank is None else rank
    ranks = found.ranks if ranks is None else ranks
    host, port = _address(coordinator) if coordinator else (found.host, found.port)
    if rank is None or ranks is None:
        missing = "--rank and --ranks" if rank is None and ranks is None else "--rank" if rank is None else "--ranks"
        raise UsageError(
            f"Which rank is this? Say {missing}, or start it by Slurm's srun, in a Kubernetes Indexed Job, or with "
            "TF_CONFIG."
        )
    if not 1 <= ranks <= MOST_RANKS:
        raise UsageError(f"--ranks {ranks}: a job has 1 to {MOST_RANKS:,} ranks.")
    if not 0 <= rank < ranks:
        raise UsageError(f"--rank {rank}: of {ranks} ranks it is 0 to {ranks - 1}.")
    if host is None:
        raise UsageError("Where is rank 0? Say --coordinator HOST[:PORT], the same for every rank.")
    return Place(rank, ranks, host, port or PORT, found.source if coordinator is None else "--coordinator")


@dataclass(frozen=True)
class _Known:
    """What a scheduler's variables tell."""

    rank: int | None = None
    ranks: int | None = None
    host: str | None = None
    port: int | None = None
    source: str = "options"


def _of_scheduler(environment: Mapping[str, str], hostnames: Callable[[str], Sequence[str]] | None) -> _Known:
    """Without `hostnames` nobody asks where rank 0 is."""
    if "TF_CONFIG" in environment:
        return _of_tf_config(environment["TF_CONFIG"])
    if "SLURM_PROCID" in environment and "SLURM_NTASKS" in environment:
        nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST")
        hosts = sorted(hostnames(nodes), key=in_numeric_order) if nodes and hostnames else []
        return _Known(
            _number(environment, "SLURM_PROCID"),
            _number(environment, "SLURM_NTASKS"),
            hosts[0] if hosts else None,
            source="Slurm",
        )
    if "JOB_COMPLETION_INDEX" in environment:
        return _Known(rank=_number(environment, "JOB_COMPLETION_INDEX"), source="Kubernetes")
    return _Known()


def _of_tf_config(text: str) -> _Known:
    """Rank 0 is the first worker, and listens on the port after its own: that one is TensorFlow's."""
    try:
        config: Any = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        host, port = _address(str(workers[0]))
        if task["type"] != "worker" or not isinstance(task["index"], int):
            raise UsageError(f"TF_CONFIG: a task is a worker with an index, not {str(task)[:80]}.")
        return _Known(task["index"], len(workers), host, port and port + 1, "TF_CONFIG")
    except (ValueError, KeyError, TypeError, IndexError):
        raise UsageError(
            'TF_CONFIG is not as {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}.'
        ) from None


def in_numeric_order(host: str) -> list[tuple[bool, int, str]]:
    """A key that sorts node2 before node10."""
    parts = re.split(r"(\d+)", host)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts if part]


def _address(text: str) -> tuple[str, int | None]:
    """Host and port of HOST, HOST:PORT or [IPV6]:PORT. Raises UsageError."""
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?|([^:\s\[\]]+)(?::(\d{1,5}))?", text.strip())
    port = int(found[2] or found[4] or 0) if found else 0
    if not found or port > 65_535:
        raise UsageError(f"{text[:80]!r} is no address: it is HOST, HOST:PORT or [IPV6]:PORT.")
    return found[1] or found[3], port or None


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"{name}={text[:40]!r} is no number.")
    return int(text)


def _scontrol(nodes: str) -> Sequence[str]:
    """The hosts of Slurm's compressed list, as its own command writes them out."""
    try:
        done = subprocess.run(
            ["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"scontrol show hostnames does not answer ({type(error).__name__}): say --coordinator HOST."
        ) from None
    return done.stdout.split()
