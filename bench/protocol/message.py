"""What all messages have in common: plain data with a version, one JSON document each."""

from typing import Any, TypeVar

import msgspec

# 1: first version. 2: a server says what software it is, since two sides of a run may differ in it. 3: memory policies
# with their evidence, allocator statistics, steps without a break, input pipelines alone. 4: many steps in a call, and
# what a machine could do at best. 5: tracer levels, and a plot of what a case has learnt. 6: a GPU's trace itself,
# traces with CUDA graphs; what launching, waiting and copying cost. 7: whatever an experiment measures beside steps, as
# named quantities; a case says by which axes it is named. 8: several processes for a case, several devices for a step.
# 9: the precision of a case, and in which repetition an experiment measures beside steps; other frameworks, which get
# their first weights from a file; a server says what its workers answer to.
PROTOCOL_VERSION = 9


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Base of all messages; the tag on the wire is the class's name."""


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """What the first message of every protocol version holds, whatever else it says."""

    protocol: int


class Failed(Message, frozen=True, kw_only=True):
    """The request raised; the traceback is in the log. `kind` is error or memory."""

    kind: str
    reason: str


Reply = TypeVar("Reply", bound=Message)


class ProtocolError(Exception):
    """The other side sent something this side does not understand."""


def encode(message: Message) -> bytes:
    """The bytes of one message."""
    return msgspec.json.encode(message)


def decode(raw: bytes, expected: Any) -> Any:
    """The message in `raw`, which must be of the type (or union of types) `expected`. Raises ProtocolError."""
    try:
        return msgspec.json.decode(raw, type=expected)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"{error}: {raw[:200]!r}") from None
