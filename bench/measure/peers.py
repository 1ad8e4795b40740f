"""The frameworks measured beside TensorFlow: what each is, whether it will do, and the weights it begins with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import protocol
from bench.errors import BenchError
from bench.launch.worker import WorkerFailed
from bench.measure import separate
from bench.measure.entry import NEW, ServerKey, Side
from bench.measure.servers import Servers, plain
from bench.measure.settings import Settings
from bench.output.progress import View
from bench.plan import environments, frameworks
from bench.recording.recorder import Recorder
from bench.results.record import Fact

_WEIGHTS = "weights.npz"  # in the run's folder


def of(keys: Sequence[ServerKey]) -> list[ServerKey]:
    """Those of frameworks beside TensorFlow, under the usual variables."""
    usual = (key for key in keys if key.environment == environments.USUAL)
    return [key for key in usual if key.framework != frameworks.TENSORFLOW]


def meet(
    keys: Sequence[ServerKey], servers: Servers, recorders: Mapping[Side, Recorder], settings: Settings, view: View
) -> None:
    """Take down versions and threads of each; one that does not see the device is given up, with the reason."""
    for key in of(keys):
        title = frameworks.TITLES[key.framework]
        log = settings.folder / "logs" / f"probe-{key.side}-{key.framework}.log"
        try:
            probed: protocol.Probed = separate.ask_once(
                servers.of(1)[key], log, protocol.Probe(), protocol.Probed, settings.timeouts.first_call
            )
        except WorkerFailed as failure:
            reason = f"{title} cannot look for devices: {failure}"
            recorders[key.side].add_facts({key.framework: {"version": Fact(value=None, reason=str(failure))}})
        else:
            recorders[key.side].add_facts({key.framework: probed.facts})
            if settings.device == "cpu" or probed.gpus:
                for name in probed.gpus:
                    view.say(f"{title} sees {name}.")
                continue
            reason = f"{title} sees no GPU. {_remedy(key.framework, probed.gpu_build)}"
        view.say(f"{reason}.")
        servers.give_up(key.side, key.framework, reason, log)


def _remedy(framework: str, gpu_build: bool) -> str:
    if gpu_build:
        return "Its libraries for CUDA do not fit this driver"
    return f"Install its build for GPUs: BENCH_EXTRA=gpu nox --reuse-venv=no -s {framework}"


def weights(keys: Sequence[ServerKey], servers: Servers, settings: Settings) -> Path | None:
    """The first weights, which TensorFlow leaves in the run's folder where a framework takes part that needs them.

    Raises BenchError where that fails.
    """
    if not of(keys):
        return None
    path, log = settings.folder / _WEIGHTS, settings.folder / "logs" / "weights.log"
    request = protocol.SaveWeights(path=str(path), seed=settings.seed, device=settings.device)
    try:
        separate.ask_once(plain(servers.of(1), NEW), log, request, protocol.WeightsSaved, settings.timeouts.first_call)
    except WorkerFailed as failure:
        raise BenchError(f"The first weights could not be drawn: {failure}. See {log}") from None
    return path
