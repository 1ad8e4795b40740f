"""One point to measure, by its axes and its name."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, get_type_hints

import msgspec
from msgspec import Meta

from bench.errors import UsageError
from bench.plan import environments, frameworks, memory_policy, precisions, strategies

USUAL_BATCH_SIZE = 64  # the notebook's
# The axis on which every case of every experiment can be varied, named in a case only where it is.
ENVIRONMENT = "environment"
_SEPARATORS = {",": "commas", environments.SEPARATOR: "semicolons"}
_LONGEST_FILE_NAME = 120

# What an axis may be on: words, or numbers.
Value = str | int
# The values that were chosen for some axes, instead of an experiment's own.
Axes = Mapping[str, tuple[Value, ...]]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One point to measure. The axes are open names: what gives them meaning lives below the worker.

    `axes` are those that its experiment varies, in the order of the case's name.
    """

    experiment: str
    axes: tuple[str, ...] = ("mode", "pipeline")
    mode: Annotated[str, Meta(description="how a step is executed")] = "function"
    pipeline: Annotated[str, Meta(description="where batches come from")] = "resident"
    batch_size: Annotated[int, Meta(description="examples in a batch, of all devices together")] = USUAL_BATCH_SIZE
    # On a GPU the default policy would give the GPU to the first worker.
    memory: Annotated[str, Meta(description="the memory policy of a process on a GPU")] = "growth"
    strategy: Annotated[str, Meta(description="how several devices share a step")] = strategies.SINGLE
    devices: Annotated[int, Meta(description="devices that share a step", ge=1, le=1_000_000)] = 1
    precision: Annotated[str, Meta(description="what a step computes in")] = precisions.DEFAULT
    framework: Annotated[str, Meta(description="in which framework the step is made")] = frameworks.TENSORFLOW
    environment: Annotated[str, Meta(description="variables of the environment that a case runs under")] = (
        environments.USUAL
    )
    control: bool = False  # a second process of the same case in every repetition: the noise of the method

    def __post_init__(self) -> None:
        """Raise ValueError for an axis that there is not: a case may come from a file."""
        if not set(self.axes) - {ENVIRONMENT} or not set(self.axes) <= set(AXES):
            raise ValueError(f"a case is named by one or more of {', '.join(AXES)}, and not by {ENVIRONMENT} alone")

    @property
    def name(self) -> str:
        """The case's name inside its experiment, as `--only` matches it."""
        return self.measured_as + ("/control" if self.control else "")

    @property
    def full_name(self) -> str:
        """The name inside a result, where several experiments may have a case of the same name."""
        return f"{self.experiment}/{self.name}"

    @property
    def file_name(self) -> str:
        """The full name as that of a file or folder, whatever the values of its axes are."""
        plain = self.full_name.replace("/", "-")
        safe = re.sub(r"[^A-Za-z0-9._=+-]+", "-", plain)
        if safe == plain and len(safe) <= _LONGEST_FILE_NAME:
            return plain
        return f"{safe[:_LONGEST_FILE_NAME]}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"

    @property
    def measured_as(self) -> str:
        """The name without the mark of the A/A control: cases of one such name do the same work."""
        return "/".join(str(getattr(self, axis)) for axis in self.axes)


_OTHERS = ("experiment", "axes", "control")
AXES = tuple(name for name in Case.__struct_fields__ if name not in _OTHERS)
_HINTS = get_type_hints(Case, include_extras=True)
DESCRIPTIONS: Mapping[str, str] = {axis: _HINTS[axis].__metadata__[0].description for axis in AXES}


def is_same_model(case: Case) -> bool:
    """Whether its losses have to be those of eager mode; in fewer bits, or by another update, they cannot be."""
    return precisions.is_same_model(case.precision) and case.mode not in frameworks.OTHER_UPDATES


def under(case: Case, environment: str) -> Case:
    """The case under these variables of the environment, named so; as it was under the usual ones."""
    axes = tuple(axis for axis in case.axes if axis != ENVIRONMENT)
    named = axes if environment == environments.USUAL else (*axes, ENVIRONMENT)
    return msgspec.structs.replace(case, axes=named, environment=environment)


def values_of(case: Case) -> dict[str, Value]:
    """What a case is on every axis."""
    return {axis: getattr(case, axis) for axis in AXES}


def parse_axis(text: str) -> tuple[str, tuple[Value, ...]]:
    """An axis and its values, of `NAME=V,V`. Raises UsageError, which says how it is written."""
    name, _, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if name not in AXES:
        raise UsageError(f"--axis {text}: it is NAME=VALUE,VALUE with one of the names {', '.join(AXES)}.")
    separator = _separator(name)
    words = [word.strip() for word in values.split(separator) if word.strip()]
    if not words:
        raise UsageError(f"--axis {text}: values are missing, with {_SEPARATORS[separator]} between them.")
    if _HINTS[name].__origin__ is not int:
        return name, tuple(words)
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise UsageError(f"--axis {text}: {name} takes numbers with commas between them, as 16,64,1024.")
    return name, tuple(int(word) for word in words)


def write_axis(name: str, values: Iterable[Value]) -> str:
    """What `parse_axis` reads as these."""
    return f"{name}={_separator(name).join(str(value) for value in values)}"


def _separator(axis: str) -> str:
    return environments.SEPARATOR if axis == ENVIRONMENT else ","


def reference(cases: Iterable[Case]) -> Case:
    """The case that ratios are taken to, and which the A/A control repeats: the one in which nothing is varied.

    That is tf.function on a resident batch, on a GPU with growth; of cases on both, the one on the GPU. Where precision
    is an axis, it is the one in float32.
    """
    found = [case for case in cases if is_reference(case) and not case.control]
    return min(found, key=lambda case: case.memory == memory_policy.HOST)


def is_reference(case: Case) -> bool:
    """Whether ratios may be taken to this case, or its A/A control."""
    usual = msgspec.structs.replace(unvaried(case.experiment, case.axes), control=case.control)
    return case in (usual, msgspec.structs.replace(usual, memory=memory_policy.HOST))


def unvaried(experiment: str, axes: tuple[str, ...]) -> Case:
    """The case of an experiment in which nothing is varied."""
    precision = precisions.FLOAT32 if "precision" in axes else precisions.DEFAULT
    return Case(experiment=experiment, axes=axes, precision=precision)
