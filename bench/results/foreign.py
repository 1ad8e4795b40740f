"""pytest-benchmark's own files, as far as they can be compared: other tools' benchmarks, without repetitions."""

from typing import Any

from bench.results.base import Record


class ForeignStats(Record, frozen=True, kw_only=True):
    """Seconds of one call."""

    median: float
    min: float
    max: float


class ForeignBenchmark(Record, frozen=True, kw_only=True):
    """One benchmark."""

    name: str
    fullname: str
    stats: ForeignStats


class ForeignDocument(Record, frozen=True, kw_only=True):
    """A file that pytest-benchmark wrote for other tests than ours."""

    machine_info: dict[str, Any]
    benchmarks: tuple[ForeignBenchmark, ...]
    datetime: str
    version: str
