"""Connections between the ranks of a job: TCP to the one port of rank 0, with a word that both know."""

import multiprocessing as mp
import os
import socket
import struct
import time
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any

from bench import protocol
from bench.errors import BenchError, UsageError

# A word of the user's own keeps others out of rank 0's port; without one, what is not of this suite.
KEY_VARIABLE = "BENCH_JOB_KEY"
_USUAL_KEY = "autoencoder-bench"
# Of a connection that was made, until it has said who it is.
_HANDSHAKE_SECONDS = 10
_RETRY_SECONDS = 0.3


class NoAnswer(BenchError):
    """The other side does not answer, or does not know the word."""


def key() -> bytes:
    """What both sides have to know."""
    return (os.environ.get(KEY_VARIABLE) or _USUAL_KEY).encode()


def listen(host: str, port: int, seconds: float = 0.0) -> socket.socket:
    """A listening socket on this host's own address of that name, and on no other. Raises UsageError.

    For so long a name is tried again that is not known yet, as that of a pod which has just begun.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror:
            if time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)
                continue
        return _listen(host, port)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, number)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen()
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise UsageError(
            f"Rank 0 cannot listen on {host}:{port}: {error.strerror or error}. It is to be an address of this host, "
            "with a port that is free."
        ) from None
    return listening


def accept(listening: socket.socket, seconds: float) -> "tuple[Connection[bytes, bytes], str] | None":
    """The next connection that knows the word, and the address that it comes from; None where there is none in time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        listening.settimeout(left)
        try:
            made, address = listening.accept()
        except (TimeoutError, OSError):
            continue
        if link := _authenticated(made, connection.deliver_challenge, connection.answer_challenge):
            return link, str(address[0])
    return None


def connect(
    host: str, port: int, seconds: float, waiting: Callable[[], None] = lambda: None
) -> "Connection[bytes, bytes]":
    """A connection to rank 0, tried again and again for so long: it may start later. Raises NoAnswer.

    `waiting` is called between two tries.
    """
    deadline, why = time.monotonic() + seconds, "no answer"
    while True:
        try:
            made = socket.create_connection((host, port), timeout=_HANDSHAKE_SECONDS)
            if link := _authenticated(made, connection.answer_challenge, connection.deliver_challenge):
                return link
            why = f"it does not know the word ({KEY_VARIABLE})"
        except OSError as error:
            why = error.strerror or str(error)
        if time.monotonic() > deadline:
            raise NoAnswer(f"Rank 0 does not answer at {host}:{port} within {seconds:g} s: {why}.")
        waiting()
        time.sleep(_RETRY_SECONDS)


def _authenticated(made: socket.socket, *steps: Callable[[Any, bytes], None]) -> "Connection[bytes, bytes] | None":
    """The connection once both sides have shown that they know the word; None where the other does not."""
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.settimeout(None)
    # The challenge reads without a limit of its own: the kernel's ends one that says nothing.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _HANDSHAKE_SECONDS, 0))
    link: Connection[bytes, bytes] = Connection(made.detach())
    try:
        for step in steps:
            step(link, key())
        with socket.socket(fileno=os.dup(link.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
        return link
    except (mp.AuthenticationError, EOFError, OSError):
        link.close()
        return None


def receive(link: "Connection[bytes, bytes]", expected: Any, seconds: float, who: str) -> Any:
    """The next message, of a type in `expected`. Raises NoAnswer."""
    try:
        if not link.poll(seconds):
            raise NoAnswer(f"{who} does not answer within {seconds:g} s.")
        return protocol.decode(link.recv_bytes(), expected)
    except (EOFError, OSError):
        raise NoAnswer(f"{who} is gone.") from None
    except protocol.ProtocolError as error:
        raise NoAnswer(f"{who} sent something unexpected: {error}") from None


def send(link: "Connection[bytes, bytes]", message: protocol.Message, who: str) -> None:
    """Send a message. Raises NoAnswer."""
    try:
        link.send_bytes(protocol.encode(message))
    except OSError:
        raise NoAnswer(f"{who} is gone.") from None
