"""Fetch Fashion-MNIST with Keras' own loader, in a process of its own that is ended when it hangs."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from autoencoder.errors import DataError
from autoencoder.idx import read_idx
from autoencoder.sources import FULL

# Keras' loader has no time limit and would hang where packets are dropped. Importing Keras takes some seconds.
STALL_SECONDS = 20.0
LIMIT_SECONDS = 600.0

# Its standard input is a pipe that nobody writes to: when the parent dies, however it dies, the loader ends too.
_LOADER_CODE = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
from keras.datasets import fashion_mnist
fashion_mnist.load_data()
os._exit(0)
"""
KERAS_LOADER = (sys.executable, "-P", "-c", _LOADER_CODE)

REMEDY = (
    "Without a network: apt-get install dataset-fashion-mnist, or copy the four .gz files into a folder and name it "
    "with --data or FASHION_MNIST_DIR."
)
UNWRITABLE = "Set KERAS_HOME to a folder that can be written to, or name a folder with the files by --data."


def download(
    folder: Path,
    loader: Sequence[str] = KERAS_LOADER,
    stall_seconds: float = STALL_SECONDS,
    limit_seconds: float = LIMIT_SECONDS,
) -> None:
    """Put the four files into `folder`, each whole or not at all.

    `loader` is run with KERAS_HOME set to a temporary folder inside, so that what an aborted download leaves behind
    never gets a name under which Keras would trust it. Raises DataError when the loader fails, when nothing has
    arrived for `stall_seconds`, after `limit_seconds`, or when what arrived is not Fashion-MNIST.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # On the same file system as the cache, so that the files get there by a rename.
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as home:
            _run_watched(loader, Path(home), stall_seconds, limit_seconds)
            fetched = Path(home) / "datasets" / "fashion-mnist"
            _verify(fetched)
            for file in FULL:
                (fetched / file.name).replace(folder / file.name)
    except OSError as error:
        raise DataError(folder, "a writable folder", error.strerror or str(error), UNWRITABLE) from None


def _verify(fetched: Path) -> None:
    for file in FULL:
        try:
            read_idx(fetched, file)
        except DataError as error:
            raise DataError(f"downloaded {file.name}", error.expected, error.found, REMEDY) from None


def _run_watched(loader: Sequence[str], home: Path, stall_seconds: float, limit_seconds: float) -> None:
    with tempfile.TemporaryFile("w+") as log:
        environment = {**os.environ, "KERAS_HOME": str(home), "KERAS_BACKEND": "tensorflow"}
        with subprocess.Popen(loader, stdout=log, stderr=log, stdin=subprocess.PIPE, env=environment) as process:
            try:
                complaint = _watch(process, home, stall_seconds, limit_seconds)
            finally:
                process.kill()
        if complaint is None and process.returncode == 0:
            return
        log.seek(0)
        lines = [line for line in log.read().splitlines() if line.strip()]
        found = complaint or (lines[-1].strip()[:300] if lines else f"exit code {process.returncode}")
        raise DataError("download", "Fashion-MNIST from Keras' loader", found, REMEDY)


def _watch(process: subprocess.Popen[bytes], home: Path, stall_seconds: float, limit_seconds: float) -> str | None:
    """Wait for the loader; return what it did wrong when it has to be ended, else None."""
    started = progressed = time.monotonic()
    size = 0
    while True:
        try:
            process.wait(timeout=0.25)
            return None
        except subprocess.TimeoutExpired:
            pass
        now = time.monotonic()
        new_size = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
        if new_size != size:
            size, progressed = new_size, now
        if now - progressed > stall_seconds:
            return f"no data for {stall_seconds:.0f} s"
        if now - started > limit_seconds:
            return f"not finished after {limit_seconds:.0f} s"
