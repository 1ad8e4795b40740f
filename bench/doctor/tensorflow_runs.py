"""What only TensorFlow can tell, asked of real workers: whether it sees the device, compiles, and traces."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import protocol
from bench.doctor.finding import Finding, ok, problem, warning
from bench.errors import BenchError
from bench.launch.server import Server
from bench.launch.worker import Timeouts, WorkerFailed
from bench.machine import cuda_cache, environment, missing_gpu, nvml
from bench.machine.device import DeviceChoice
from bench.measure import occupancy
from bench.plan.case import Case
from bench.profiles import cupti
from bench.results.record import USUAL_TRACERS

_STEPS = 5
_SEED = 1234
_XLA_TOOLS = "Name CUDA's folder: XLA_FLAGS=--xla_gpu_cuda_data_dir=... (the extra `gpu` brings ptxas and libdevice)"


@dataclass(frozen=True)
class Seen:
    """The findings, and whether TensorFlow sees the device that was chosen."""

    findings: list[Finding]
    usable: bool


def look(choice: DeviceChoice, timeouts: Timeouts, command: Sequence[str]) -> list[Finding]:
    """Start a server on the packaged sample, and have its workers try."""
    variables = environment.for_servers(choice)
    if choice.gpu:
        variables |= cuda_cache.prepare().environment
    with tempfile.TemporaryDirectory(prefix="bench-doctor-") as name:
        folder = Path(name)
        gpu = nvml.open_gpu(choice.gpu) if choice.gpu else nvml.Gpu(absent="no GPU")
        server = Server(
            "sample", variables, folder / "server.log", timeouts, command, lambda: occupancy.wait_until_free(gpu)
        )
        try:
            server.wait_until_ready()
            seen = _sees(server, choice, folder / "probe.log", timeouts)
            return seen.findings + (_works(server, choice, folder, timeouts) if seen.usable else [])
        except BenchError as error:
            log = (folder / "server.log").read_text(errors="replace").strip().splitlines()
            last = log[-1][:200] if log else "it wrote nothing"
            said = str(error).partition(": see ")[0]
            return [problem("TensorFlow", f"{said}; {last}", _flag_remedy(said) or "Install this project anew")]
        finally:
            server.close()


def _sees(server: Server, choice: DeviceChoice, log: Path, timeouts: Timeouts) -> Seen:
    try:
        worker, _ = server.start_worker(log)
        try:
            probed: protocol.Probed = worker.ask(protocol.Probe(), protocol.Probed, timeouts.first_call)
        finally:
            worker.end()
    except WorkerFailed as failure:
        remedy = _flag_remedy(str(failure)) or "Install this project anew"
        return Seen([problem("TensorFlow", f"it cannot look for devices: {failure}", remedy)], False)
    found = [
        ok(
            "TensorFlow",
            f"{probed.versions['tensorflow']}, Keras {probed.versions['keras']}, built for {_built_for(probed)}",
        )
    ]
    if choice.kind == "cpu":
        return Seen([*found, ok("device", f"the CPU ({choice.why})")], True)
    text = log.read_text(errors="replace")
    if not probed.gpus:
        cause = missing_gpu.find(probed.gpu_build, text)
        return Seen([*found, problem("device", f"TensorFlow sees no GPU: {cause.what}", cause.remedy)], False)
    found.append(ok("device", f"TensorFlow sees {', '.join(probed.gpus)}"))
    if complaint := missing_gpu.complaint(text):
        found.append(warning("libraries", complaint.what, complaint.remedy))
    if server.unsound:
        found.append(warning("forking", server.unsound, "Nothing to do: workers are spawned, which takes longer"))
    return Seen(found, True)


def _works(server: Server, choice: DeviceChoice, folder: Path, timeouts: Timeouts) -> list[Finding]:
    """A first call under XLA, and a trace of it."""
    log = folder / "xla.log"
    case = Case(experiment="doctor", mode="xla")
    try:
        worker, _ = server.start_worker(log)
    except WorkerFailed as failure:
        return [problem("XLA", str(failure), "See the other lines")]
    try:
        prepare = protocol.Prepare(case=case, device=choice.kind, tf32=None, seed=_SEED)
        prepared: protocol.Prepared = worker.ask(prepare, protocol.Prepared, timeouts.first_call)
    except WorkerFailed as failure:
        worker.end()
        return [_does_not_compile(str(failure), log.read_text(errors="replace"), choice.kind)]
    found = [_compiles(prepared, log.read_text(errors="replace"))]
    try:
        request = protocol.TakeProfile(logdir=str(folder / "profile"), calls=_STEPS, tracers=USUAL_TRACERS)
        found.append(_traces(worker.ask(request, protocol.ProfileTaken, timeouts.request), log))
    except WorkerFailed as failure:
        found.append(warning("profiling", f"no trace: {failure}", "Measure with --no-profile"))
    finally:
        worker.end()
    return found


def _does_not_compile(reason: str, log: str, kind: str) -> Finding:
    """The worker's own log knows more than what it raised: of a GPU, what it complained of before."""
    cause = missing_gpu.complaint(log) if kind == "gpu" else None
    text = f"it does not compile: {reason}" + (f"; {cause.what}" if cause else "")
    return problem("XLA", text, _flag_remedy(reason) or (cause.remedy if cause else _xla_remedy(log)))


def _compiles(prepared: protocol.Prepared, log: str) -> Finding:
    text = f"compiles, in {prepared.compile_seconds or 0.0:.1f} s"
    missing = [
        tool for tool in ("ptxas", "libdevice") if re.search(rf"(?i)(can't|couldn't|could not) \w+ .*{tool}", log)
    ]
    if missing:
        return warning("XLA", f"{text}, but misses {' and '.join(missing)}", _XLA_TOOLS)
    return ok("XLA", text)


def _traces(taken: protocol.ProfileTaken, log: Path) -> Finding:
    if taken.step_markers < _STEPS:
        return warning("profiling", f"{taken.step_markers} steps of {_STEPS} in the trace", "Measure with --no-profile")
    if taken.device_events == 0:
        lines = cupti.lines(log.read_text(errors="replace"))
        said = f" The worker's log: {'; '.join(lines)}" if lines else ""
        return warning("profiling", f"the trace holds no events of the GPU.{said}", cupti.CAUSES)
    events = "" if taken.device_events is None else f", {taken.device_events} events of the GPU"
    return ok("profiling", f"a trace holds {taken.step_markers} steps, {taken.events} events{events}")


def _flag_remedy(reason: str) -> str | None:
    """What to do where a variable names a flag that there is not."""
    found = re.search(r"(?i)unknown flags? in (\w+)", reason)
    return f"Unset {found[1]}, or take that flag out of it" if found else None


def _xla_remedy(log: str) -> str:
    if "libdevice" in log or "ptxas" in log:
        return _XLA_TOOLS
    return "Measure the other modes: --only 'function/*'"


def _built_for(probed: protocol.Probed) -> str:
    versions = probed.versions
    return f"CUDA {versions['cuda']}, cuDNN {versions['cudnn']}" if probed.gpu_build else "CPUs"
