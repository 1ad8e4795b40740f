"""JAX as something to be measured."""

from bench.backends import peer
from bench.backends.jax import calls, device

BACKEND = peer.backend_of(
    peer.Peer(
        start=device.start,
        put=device.put,
        is_tf32=device.is_tf32,
        read_memory=device.read_memory,
        probe=device.probe,
        calls=calls.CALLS,
        why_not_fork=device.why_not_fork,
        limit_threads=device.limit_threads,
        out_of_memory=(),  # JAX raises one error for all that goes wrong in XLA: the text says what it was
    )
)
