"""The child that measures: answers one request after another, by what its framework has for each."""

import os
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from bench import protocol
from bench.backends.backend import Backend
from bench.experiments.registry import EXPERIMENTS
from bench.machine import control_group
from bench.plan import environments


def serve(connection: "Connection[bytes, bytes]", data: Any, backend: Backend) -> None:
    """Answer requests until the launcher is gone or one fails: a failed worker is not asked again."""
    backend.limit_threads(control_group.threads())
    state = backend.state(data)
    connection.send_bytes(protocol.encode(protocol.WorkerReady(protocol=protocol.PROTOCOL_VERSION)))
    while True:
        try:
            request = protocol.decode(connection.recv_bytes(), protocol.WorkerRequest)
        except EOFError:
            return
        try:
            if isinstance(request, protocol.Join | protocol.Prepare):
                os.environ.update(environments.parse(request.case.environment))
            if isinstance(request, protocol.Measure):
                reply: protocol.Message = _measure(state, request)
            else:
                reply = backend.handlers[type(request)](state, request)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            connection.send_bytes(protocol.encode(_failure(error, backend)))
            return
        connection.send_bytes(protocol.encode(reply))


def _measure(state: Any, request: protocol.Measure) -> protocol.Measured:
    """What an experiment measures beside steps, by functions of its own."""
    found = EXPERIMENTS[request.experiment].worker()[request.name](state, request)
    return protocol.Measured(
        values={name: value for name, value in found.items() if not isinstance(value, str)},
        reasons={name: value for name, value in found.items() if isinstance(value, str)},
    )


def _failure(error: Exception, backend: Backend) -> protocol.Failed:
    memory = isinstance(error, (MemoryError, *backend.out_of_memory))
    text = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__
    return protocol.Failed(kind="memory" if memory else "error", reason=reason)
