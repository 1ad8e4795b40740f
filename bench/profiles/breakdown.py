"""Read a trace back with xprof: the parts of a step, and the operations that take longest."""

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from bench.results.record import Breakdown, StepSplit, TopOp

TOP_OPS = 5
_SECONDS = 60.0  # that a conversion may take; it takes less than one
_CHILD = (sys.executable, "-P", "-m", "bench.profiles.convert_trace")
_AT_A_TIME = 2
_IDLE = "IDLE"

# xprof's columns, in milliseconds, and the parts of ours that they are.
_PARTS = {
    "device_compute_seconds": ("deviceComputeTimeMs",),
    "host_compute_seconds": ("hostComputeTimeMs",),
    "launch_seconds": ("kernelLaunchTimeMs",),
    "input_seconds": ("infeedTimeMs",),
    "transfer_seconds": ("deviceToDeviceTimeMs", "deviceCollectivesTimeMs", "outfeedTimeMs"),
    "compile_seconds": ("compileTimeMs",),
    "idle_seconds": ("otherTimeMs",),
}

Row = Mapping[str, Any]


class _Column(msgspec.Struct):
    id: str


class _Cell(msgspec.Struct):
    v: str | int | float | bool | None = None


class _Row(msgspec.Struct):
    c: list[_Cell]


class _Table(msgspec.Struct):
    """One of xprof's tables, which are those of Google's charts."""

    cols: list[_Column] = []
    rows: list[_Row] = []

    def named(self) -> Iterable[Row]:
        """Each row by the names of its columns."""
        for row in self.rows:
            yield {column.id: cell.v for column, cell in zip(self.cols, row.c, strict=False)}


class _Converted(msgspec.Struct):
    overview_page: list[_Table] | None
    framework_op_stats: list[_Table] | None


def read_all(folders: Sequence[tuple[Path, int]], kind: str) -> list[Breakdown | str]:
    """Of the only trace below each of these folders what `read` gives, two at a time: nobody may be measuring.

    With each folder comes the number of steps that a call does, which is what the trace marks.
    """
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return list(pool.map(lambda one: _read_only(one[0], one[1], kind), folders))


def _read_only(folder: Path, steps_per_call: int, kind: str) -> Breakdown | str:
    traces = list(folder.glob("plugins/profile/*/*.xplane.pb"))
    return read(traces[0], kind, steps_per_call) if len(traces) == 1 else f"{len(traces)} traces instead of one"


def read(trace: Path, kind: str, steps_per_call: int = 1, command: Sequence[str] = _CHILD) -> Breakdown | str:
    """What xprof says of a trace of a device of this kind, cpu or gpu, or why it says nothing.

    What is marked in it are calls, of so many steps each. The converter runs in a process of its own: where it crashes
    or hangs, only this is lost.
    """
    try:
        # Its files are taken away here: one that crashes or is ended leaves them.
        with tempfile.TemporaryDirectory(prefix="bench-trace-", ignore_cleanup_errors=True) as folder:
            variables = {**os.environ, "TMPDIR": folder}
            words = [*command, str(trace)]
            done = subprocess.run(words, capture_output=True, timeout=_SECONDS, check=False, env=variables)
    except subprocess.TimeoutExpired:
        return f"xprof did not answer in {_SECONDS:.0f} s"
    except OSError as error:
        return f"xprof could not be started: {error}"
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return f"xprof ended with {done.returncode}: {lines[-1][:200] if lines else 'without a word'}"
    try:
        return understand(done.stdout, kind, steps_per_call)
    except (ValueError, TypeError, KeyError, OverflowError, msgspec.MsgspecError) as error:
        return f"xprof's answer could not be understood: {type(error).__name__}: {error}"


def understand(raw: bytes, kind: str, steps_per_call: int = 1) -> Breakdown:
    """Take what is needed from the converter's answer. Raises ValueError where it is not there."""
    converted = msgspec.json.decode(raw, type=_Converted)
    tables = converted.overview_page or []
    split = _split(_find(tables, "stepnum"), steps_per_call)
    ops = _top_ops((converted.framework_op_stats or [])[:1])
    return Breakdown(
        split=split,
        top_ops=tuple(ops),
        top_ops_reason=None if ops else "xprof counts none here; of eager mode on a CPU it never does",
        # Of a GPU's trace xprof leaves the host's events out of the steps, the waiting for input among them.
        input_bound_share=split.input_seconds / split.step_seconds if kind == "cpu" else None,
    )


def _find(tables: Sequence[_Table], column: str) -> list[Row]:
    """The rows of the table that has this column; none where it has no rows or is not there."""
    found = next((table for table in tables if any(one.id == column for one in table.cols)), None)
    return list(found.named()) if found else []


def _split(calls: Sequence[Row], steps_per_call: int) -> StepSplit:
    """The mean step of these, each of which xprof takes for one."""
    if not calls:
        raise ValueError("no step was recognised")
    seconds = {
        part: fmean(sum(_number(call[column]) for column in columns) for call in calls) / steps_per_call / 1e3
        for part, columns in _PARTS.items()
        if all(column in call for call in calls for column in columns)
    }
    if missing := _PARTS.keys() - seconds.keys():
        raise ValueError(f"no column for {', '.join(sorted(missing))}")
    step_seconds = fmean(_number(call["stepTimeMs"]) for call in calls) / steps_per_call / 1e3
    if step_seconds <= 0:
        raise ValueError("steps that take no time")
    return StepSplit(steps=len(calls) * steps_per_call, step_seconds=step_seconds, **seconds)


def _number(value: Any) -> float:
    """A number of a result. Raises ValueError for what cannot stand in one."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no number")
    return number


def _top_ops(tables: Sequence[_Table]) -> list[TopOp]:
    """The longest on each side; xprof's row for idle time is none."""
    found = [row for table in tables for row in table.named() if row.get("type") != _IDLE]
    ops = []
    for side in ("device", "host"):
        rows = [row for row in found if str(row.get("host_or_device", "")).lower() == side]
        whole = sum(_number(row["total_self_time"]) for row in rows)
        longest = sorted(rows, key=lambda row: -_number(row["total_self_time"]))[:TOP_OPS]
        ops += [_top_op(row, side, whole) for row in longest if whole > 0]
    return ops


def _top_op(row: Row, side: Any, whole: float) -> TopOp:
    total_us = _number(row["total_self_time"])
    return TopOp(
        side=side,
        kind=str(row["type"])[:60],
        name=str(row["operation"])[:120],
        occurrences=int(_number(row["occurrences"])),
        self_seconds=total_us / 1e6,
        self_share=total_us / whole,
    )
