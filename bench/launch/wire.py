"""Connections between the ranks of a job: TCP to the one port of rank 0, with a word that both know.

What comes from there is not trusted: nothing that is sent, or not sent, ends a process or holds it for ever.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError, connection
from multiprocessing.connection import Connection
from typing import Any

from bench import protocol
from bench.errors import BenchError, UsageError

# A word of the user's own keeps others out of rank 0's port; without one, what is not of this suite.
KEY_VARIABLE = "BENCH_JOB_KEY"
_USUAL_KEY = "autoencoder-bench"
_HANDSHAKE_SECONDS = 10.0  # of a connection that was made, until it has shown that it knows the word
_REST_SECONDS = 30  # from the first byte of a message to its last
_RETRY_SECONDS = 0.3
_MOST_BYTES = 2_000_000  # of a message between ranks
# A host that vanishes sends nothing any more: asked after ten seconds, it is gone after half a minute more.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6}
_UNREACHABLE = (OSError, UnicodeError, ValueError)  # also what no name of a host can be


class NoAnswer(BenchError):
    """The other side does not answer, or does not know the word."""


def key() -> bytes:
    """What both sides have to know."""
    return (os.environ.get(KEY_VARIABLE) or _USUAL_KEY).encode(errors="surrogateescape")


def listen(host: str, port: int, seconds: float = 0.0) -> socket.socket:
    """A listening socket on this host's own address of that name, and on no other. Raises UsageError.

    For so long a name is tried again that is not known yet, as that of a pod which has just begun.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _listen(host, port)
        except socket.gaierror as error:
            if time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)
                continue
            why: Exception = error
        except _UNREACHABLE as error:
            why = error
        raise UsageError(
            f"Rank 0 cannot listen on {host}:{port}: {getattr(why, 'strerror', None) or why}. It is to be an address "
            "of this host, with a port that is free."
        )


def _listen(host: str, port: int) -> socket.socket:
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, number)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def accept(listening: socket.socket, seconds: float) -> "tuple[Connection[bytes, bytes], str] | None":
    """The next connection that knows the word, and the address that it comes from; None where there is none in time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        listening.settimeout(left)
        try:
            made, address = listening.accept()
        except OSError:
            continue
        steps = (connection.deliver_challenge, connection.answer_challenge)
        if link := _authenticated(made, min(_HANDSHAKE_SECONDS, left), *steps):
            return link, str(address[0])
    return None


def connect(host: str, port: int, seconds: float) -> "Connection[bytes, bytes]":
    """A connection to rank 0, tried again and again for so long: it may start later. Raises NoAnswer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            made = socket.create_connection((host, port), timeout=_HANDSHAKE_SECONDS)
            steps = (connection.answer_challenge, connection.deliver_challenge)
            if link := _authenticated(made, _HANDSHAKE_SECONDS, *steps):
                return link
            why = f"one of the two does not know the word of the other ({KEY_VARIABLE})"
        except _UNREACHABLE as error:
            why = getattr(error, "strerror", None) or str(error)
        if time.monotonic() > deadline:
            raise NoAnswer(f"Rank 0 does not answer at {host}:{port} within {seconds:g} s: {why}.")
        time.sleep(_RETRY_SECONDS)


def handed_over(link: "Connection[bytes, bytes]") -> socket.socket:
    """The socket of a connection, for a process that waits for requests as long as it likes."""
    theirs = socket.socket(fileno=os.dup(link.fileno()))
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(0))
    link.close()
    return theirs


def _authenticated(
    made: socket.socket, seconds: float, *steps: Callable[[Any, bytes], None]
) -> "Connection[bytes, bytes] | None":
    """The connection once both sides have shown in time that they know the word; None where the other does not."""
    made.settimeout(None)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    # A connection reads without a limit of its own: the kernel's ends a message that stops in the middle.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(_REST_SECONDS))
    link: Connection[bytes, bytes] = Connection(os.dup(made.fileno()))
    late = threading.Timer(seconds, _shut, (made,))
    late.start()
    try:
        for step in steps:
            step(link, key())
    except (AuthenticationError, AssertionError, EOFError, ValueError, OSError):
        link.close()
        return None
    else:
        return link
    finally:
        late.cancel()
        late.join()
        made.close()


def _shut(made: socket.socket) -> None:
    """End a connection for whoever reads it."""
    try:
        made.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def receive(link: "Connection[bytes, bytes]", expected: Any, seconds: float | None, who: str) -> Any:
    """The next message, of a type in `expected`; without `seconds` however long it takes. Raises NoAnswer."""
    try:
        return protocol.decode(receive_bytes(link, seconds, who), expected)
    except protocol.ProtocolError as error:
        raise NoAnswer(f"{who} sent something unexpected: {error}") from None


def receive_bytes(link: "Connection[bytes, bytes]", seconds: float | None, who: str) -> bytes:
    """The next message as it came. Raises NoAnswer."""
    try:
        if not link.poll(seconds):
            raise NoAnswer(f"{who} does not answer within {seconds:g} s.")
        return link.recv_bytes(_MOST_BYTES)
    except (EOFError, OSError):
        raise NoAnswer(f"{who} is gone.") from None


def send(link: "Connection[bytes, bytes]", message: protocol.Message, who: str) -> None:
    """Send a message. Raises NoAnswer."""
    try:
        link.send_bytes(protocol.encode(message))
    except OSError:
        raise NoAnswer(f"{who} is gone.") from None


def _timeval(seconds: int) -> bytes:
    return struct.pack("ll", seconds, 0)
