"""The ranks of a job: what each says of itself, and the run of one that follows rank 0."""

import hashlib
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import __version__, protocol
from bench.errors import BenchError, ExitCode, Interrupted, UsageError
from bench.launch import follower, followers
from bench.launch.followers import Job
from bench.launch.launcher import Server, Timeouts
from bench.launch.place import Place
from bench.machine import cores, device, environment, facts, interrupts, nvml
from bench.machine.device import DeviceChoice
from bench.output.progress import View
from bench.plan.workload import WORKLOAD, DataError, Dataset
from bench.run.options import Options

_TOLD = ("cpu", "memory", "system")  # groups of facts that every rank says of its host
_HOST_LETTERS = 12


def gather(options: Options, choice: DeviceChoice, dataset: Dataset, view: View) -> Job | None:
    """All ranks of the job, once they are there and fit to each other; None where the run is no job's.

    Raises UsageError.
    """
    if options.place is None:
        return None
    place = options.place
    view.say(
        f"Rank 0 of {place.ranks} ({place.source}) waits for the others at {place.host}:{place.port}. While a case of "
        "several processes lives, TensorFlow listens on a port of every host, on all interfaces, without asking who "
        "connects."
    )
    return followers.gather(hello(place, choice, dataset), place, options.wait_seconds, view.say)


@contextmanager
def told(job: Job | None) -> Iterator[list[ExitCode]]:
    """Inside, the run goes on; its exit code, put into the list, or that of its error is told to all ranks."""
    codes: list[ExitCode] = []
    try:
        yield codes
    except BenchError as error:
        codes.append(error.exit_code)
        raise
    except Interrupted:
        codes.append(ExitCode.INTERRUPTED)
        raise
    finally:
        if job:
            job.end(codes[-1] if codes else ExitCode.FAILED)


def hello(place: Place, choice: DeviceChoice, dataset: Dataset) -> protocol.Hello:
    """What this rank says of itself."""
    found = facts.look()
    return protocol.Hello(
        protocol=protocol.PROTOCOL_VERSION,
        suite=__version__,
        tensorflow=environment.tensorflow_version(),
        rank=place.rank,
        ranks=place.ranks,
        data=dataset.sha256,
        workload=WORKLOAD.sha256,
        device=choice.kind,
        device_count=len(choice.gpus),
        cores=cores.of_devices(),
        host=_host(),
        facts={f"{group}_{name}": fact for group in _TOLD for name, fact in found[group].items()},
    )


def _host(boot_id: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """What ranks on one host have in common, hashed: the kernel's boot id, which its containers share, or the name."""
    try:
        text = boot_id.read_text()
    except OSError:
        text = socket.gethostname()
    return hashlib.sha256(text.encode()).hexdigest()[:_HOST_LETTERS]


def follow(options: Options, view: View) -> int:
    """Be a rank that rank 0 asks, until it ends; returns its exit code.

    Raises UsageError where rank 0 does not answer or does not take this rank, BenchError where it is gone.
    """
    assert options.place
    place = options.place
    choice = device.choose(options.device, options.gpu, known=nvml.gpus, several=True)
    try:
        dataset = WORKLOAD.load(options.data, view.say)
    except DataError as error:
        raise UsageError(str(error)) from None
    variables = environment.for_servers(choice)
    timeouts = options.timeouts or Timeouts.for_device(choice.kind)

    def open_server(log: Path) -> Server:
        return Server(dataset.location, variables, log, timeouts, options.server_command)

    with interrupts.raised_as_interrupted(), tempfile.TemporaryDirectory(prefix="autoencoder-bench-rank-") as folder:
        view.say(f"Rank {place.rank} of {place.ranks} ({place.source}) looks for rank 0 at {place.host}:{place.port}.")
        link = follower.join(place, hello(place, choice, dataset), options.wait_seconds, lambda: None)
        view.say(f"Rank {place.rank} of {place.ranks} has found rank 0, which measures and shows the result.")
        return follower.Follower(place, open_server, Path(folder)).serve(link)
