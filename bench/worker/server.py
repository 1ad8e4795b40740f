"""The preloaded process: imports the framework and reads the data once, then forks a fresh worker whenever asked.

A cold import costs seconds, a fork milliseconds, and the worker is as fresh: nothing of the framework has been started.
Run as `python -m bench.worker.server [FRAMEWORK] ROLE DESCRIPTOR PARENT DATA`. In the role `worker` it is itself the
one worker, for where a server must not fork; that takes as long as a cold import.
"""

import gc
import os
import platform
import sys
import time
import traceback
import warnings
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import psutil

from bench import __version__, protocol
from bench.backends import backend
from bench.backends.backend import Backend
from bench.machine import environment
from bench.plan.workload import WORKLOAD
from bench.worker import lifeline, worker


def main(arguments: list[str]) -> None:
    """Serve on the inherited socket DESCRIPTOR until the launcher, process PARENT, is gone."""
    *named, role, descriptor, parent, source = arguments
    lifeline.die_with_parent(int(parent))
    connection: Connection[bytes, bytes] = Connection(int(descriptor))
    framework = backend.load(*named)
    prepared = framework.prepare(WORKLOAD.load(source, lambda _: None))
    if role == "worker":
        lifeline.die_first()
        worker.serve(connection, prepared, framework)
        return
    gc.freeze()  # what was preloaded is shared with the workers until someone writes to it
    ready = protocol.ServerReady(
        protocol=protocol.PROTOCOL_VERSION,
        preload_seconds=time.time() - psutil.Process().create_time(),
        unsound=framework.why_not_fork(),
        suite=__version__,
        python=platform.python_version(),
        numpy=environment.version("numpy"),
        machine_info=environment.machine_info(),
        commit_info=environment.commit_info(),
        workload=WORKLOAD.sha256,
        answers=tuple(sorted(request.__name__ for request in framework.handlers)),
    )
    connection.send_bytes(protocol.encode(ready))
    _serve(connection, prepared, framework)


def _serve(connection: "Connection[bytes, bytes]", prepared: Any, framework: Backend) -> None:
    while True:
        try:
            request = protocol.decode(connection.recv_bytes(), protocol.ServerRequest)
        except EOFError:
            return
        reply: protocol.Message
        if isinstance(request, protocol.Fork):
            descriptor = reduction.recv_handle(connection)
            reply = protocol.Forked(pid=_fork(connection, descriptor, request.log, prepared, framework))
            os.close(descriptor)
        else:
            _, status = os.waitpid(request.pid, 0)
            reply = protocol.Reaped(exit_code=os.waitstatus_to_exitcode(status))
        connection.send_bytes(protocol.encode(reply))


def _fork(connection: "Connection[bytes, bytes]", descriptor: int, log: str, prepared: Any, framework: Backend) -> int:
    """Fork a worker that serves on `descriptor`; returns its process id."""
    server = os.getpid()
    with warnings.catch_warnings():
        # Python and JAX warn of forking beside threads. Those that importing a framework leaves behind hold no lock
        # that a worker needs: workers do start, and whatever hangs is ended by the launcher's time limit.
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid:
        return pid
    exit_code = 1
    try:
        lifeline.die_with_parent(server)
        lifeline.die_first()
        connection.close()
        _redirect_output(log)
        worker.serve(Connection(descriptor), prepared, framework)
        exit_code = 0
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # No shutdown of the interpreter or of the framework: it can hang, and everything of value has been sent.
        os._exit(exit_code)


def _redirect_output(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    main(sys.argv[1:])
