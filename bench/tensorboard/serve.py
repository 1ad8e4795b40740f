"""Serve a run's logdir with TensorBoard: on this machine only, unless another address is asked for."""

import ipaddress
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlencode

from bench.errors import UsageError
from bench.machine import container
from bench.results import search

LOOPBACK = "127.0.0.1"
PORT = 6006


def logdir_of(run: Path) -> Path:
    """The logdir of a run's folder, or the folder itself where it is one. Raises UsageError where there is none."""
    if not run.is_dir():
        raise UsageError(f"{run}: no such folder. Name a run's folder, as results/<UTC time>-<device>.")
    logdir = run / "tensorboard" if (run / "tensorboard").is_dir() else run
    names = (file for _, files in search.walk(logdir) for file in files)
    if not any(".tfevents." in name or name.endswith(".xplane.pb") for name in names):
        raise UsageError(f"{run} has nothing for TensorBoard. `bench run` writes it once a case is measured.")
    return logdir


def free_port(host: str, port: int) -> int:
    """The port, or any free one for 0. Raises UsageError where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"Port {port} of {host} cannot be had: {reason}. Choose another with --port, or 0 for any."
        ) from None


def lines(logdir: Path, host: str, port: int) -> list[str]:
    """What a person has to know: the address, the tabs, how to get there from elsewhere."""
    address = f"http://{_bracketed(host)}:{port}/"
    found = [
        f"TensorBoard: {address}  (end it with Ctrl-C)",
        f"  {address}#hparams: all cases, to sort and filter",
        f"  {address}#profile: a trace of each case; its charts are loaded from the network by your browser, and the "
        "report beside the results has their figures without one",
    ]
    if trace := next(logdir.rglob("plugins/profile/*/*.xplane.pb"), None):
        found.append(f"  Without a network the timeline is at {address}{_timeline(logdir, trace)}")
    else:
        found[-1] = "  No traces: this run was made with --no-profile, or its profiles failed (the report says why)."
    if _is_loopback(host) and container.kind():
        found.append(f"  In a container nobody else gets there: --host 0.0.0.0, and publish {LOOPBACK}:{port}:{port}.")
    if _is_loopback(host):
        found.append(
            f"  From elsewhere: ssh -L {port}:{_bracketed(host)}:{port} <this machine>, then the same address there."
        )
    else:
        found.append("  Whoever can reach this machine can read these files: there is no password.")
    return found


def replace_process(logdir: Path, host: str, port: int) -> None:
    """Become TensorBoard, so that signals and its exit code are its own. Does not return."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logdir = _without_patterns(logdir)
    # -P: nothing in the folder where the user stands is taken for a module.
    words = ["-P", "-m", "tensorboard.main", "--logdir", str(logdir), "--host", host, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - the command is our own


def _without_patterns(logdir: Path) -> Path:
    """Another path to the folder where its own has letters that the profiler's plugin would take for a pattern."""
    here = Path("/proc/self/cwd")
    if not (set("*?[") & set(str(logdir.absolute())) and here.exists()):
        return logdir
    os.chdir(logdir)
    return here


def _timeline(logdir: Path, trace: Path) -> str:
    """The path of xprof's trace viewer, which needs nothing from elsewhere, for one trace; the others likewise."""
    *sub_run, _, _, time, _ = trace.relative_to(logdir).parts
    query = urlencode({"run": "/".join([*sub_run, time]), "tag": "trace_viewer", "host": trace.name.split(".")[0]})
    page = "data/plugin/profile/trace_viewer_index.html"
    return f"{page}?{urlencode({'trace_data_url': f'/data/plugin/profile/data?{query}'})}"


def _bracketed(host: str) -> str:
    """As it stands before a port: an address of IPv6 has colons of its own."""
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
