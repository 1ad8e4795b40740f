"""What all records have in common."""

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records. Durations in seconds; what is missing is None."""
