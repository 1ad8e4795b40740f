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
from bench.launch.place import Place
from bench.launch.server import Server
from bench.launch.worker import Timeouts
from bench.machine import cores, cuda_cache, device, environment, facts, interrupts, nvml
from bench.machine.device import DeviceChoice
from bench.output.progress import View
from bench.plan.workload import WORKLOAD, DataError, Dataset
from bench.results.record import Fact
from bench.run.options import Options

_TOLD = ("cpu", "memory", "system")  # groups of facts that every rank says of its host
_TOLD_OF_GPU = ("name", "driver", "memory_bytes")
_LETTERS = 12
# A scheduler that ends a job tells all ranks at once, and rank 0 saves what was measured: so long the others stay.
_STAY_SECONDS = 45.0


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
def told(job: Job | None) -> Iterator[None]:
    """Inside, an error ends all ranks with its exit code; how it goes on without one, somebody else tells them."""
    try:
        yield
    except BaseException as error:
        if job:
            job.end(_exit_code(error))
        raise


def _exit_code(error: BaseException) -> ExitCode:
    if isinstance(error, Interrupted):
        return ExitCode.INTERRUPTED
    return error.exit_code if isinstance(error, BenchError) else ExitCode.FAILED


def hello(place: Place, choice: DeviceChoice, dataset: Dataset) -> protocol.Hello:
    """What this rank says of itself."""
    found = facts.look()
    gpus = [nvml.open_gpu(gpu).facts() for gpu in choice.gpus]
    of_gpu = {f"gpu_{name}": gpus[0][name] for name in _TOLD_OF_GPU} if gpus else {}
    return protocol.Hello(
        protocol=protocol.PROTOCOL_VERSION,
        suite=__version__,
        tensorflow=environment.tensorflow_version(),
        rank=place.rank,
        ranks=place.ranks,
        data=dataset.sha256,
        workload=WORKLOAD.sha256,
        device=choice.kind,
        devices=tuple(map(str, cores.of_devices())) if choice.kind == "cpu" else _names(gpus, place.rank),
        host=_host(),
        facts={f"{group}_{name}": fact for group in _TOLD for name, fact in found[group].items()} | of_gpu,
    )


def _names(gpus: list[dict[str, Fact]], rank: int) -> tuple[str, ...]:
    """What each GPU is called on every rank of its host; one that NVML does not know is taken for this rank's own."""
    known = [gpu["uuid_sha256"].value for gpu in gpus]
    return tuple(str(name)[:_LETTERS] if name else f"{rank}/{i}" for i, name in enumerate(known))


def _host(boot_id: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """What ranks on one host have in common, hashed: the kernel's boot id, which its containers share, or the name."""
    try:
        text = boot_id.read_text()
    except OSError:
        text = socket.gethostname()
    return hashlib.sha256(text.encode()).hexdigest()[:_LETTERS]


def follow(options: Options, view: View) -> int:
    """Be a rank that rank 0 asks, until it ends; returns its exit code.

    Raises UsageError where rank 0 does not answer or does not take this rank, BenchError where it is gone, Interrupted.
    """
    assert options.place
    place = options.place
    choice = device.choose(options.device, options.gpu, known=nvml.gpus, several=True)
    try:
        dataset = WORKLOAD.load(options.data, view.say)
    except DataError as error:
        raise UsageError(str(error)) from None
    cache = cuda_cache.prepare().environment if choice.gpu else {}
    variables = {**environment.for_servers(choice), **cache}
    timeouts = options.timeouts or Timeouts.for_device(choice.kind)

    def open_server(log: Path) -> Server:
        return Server(dataset.location, variables, log, timeouts, options.server_command)

    with tempfile.TemporaryDirectory(prefix="autoencoder-bench-rank-") as folder:
        this = follower.Follower(place, open_server, Path(folder))
        try:
            with interrupts.raised_as_interrupted():
                this_rank, leader = f"Rank {place.rank} of {place.ranks}", f"{place.host}:{place.port}"
                view.say(f"{this_rank} ({place.source}) looks for rank 0 at {leader}.")
                link = follower.join(place, hello(place, choice, dataset), options.wait_seconds)
                view.say(f"{this_rank} has found rank 0, which measures and shows the result.")
                try:
                    return this.serve(link)
                except Interrupted as interrupt:
                    if str(interrupt) != "SIGTERM":
                        raise
                    with interrupts.ignored():
                        return this.serve(link, _STAY_SECONDS)
        finally:
            this.close()
