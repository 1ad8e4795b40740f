"""Messages survive the wire, and nothing else does."""

import pytest

from bench import protocol
from bench.plan.case import Case

CASE = Case(experiment="modes", mode="xla", pipeline="resident")
MESSAGES = [
    protocol.Fork(log="a.log"),
    protocol.Prepare(case=CASE, device="gpu", tf32=None, seed=2**32 - 1),
    protocol.RunSample(steps=3, warmup_steps=2),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_survive_the_wire(message):
    assert protocol.decode(protocol.encode(message), protocol.ServerRequest | protocol.WorkerRequest) == message


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"type":"Reap"}',
        b'{"type":"Reap","pid":"7"}',
        b'{"type":"Reap","pid":7,"more":1}',
        b'{"type":"RunSample","steps":1,"warmup_steps":1}',
        pytest.param(b"\xff", id="no text"),
        b"[" * 100_000,
    ],
)
def test_anything_else_is_refused(raw):
    with pytest.raises(protocol.ProtocolError):
        protocol.decode(raw, protocol.ServerRequest)
