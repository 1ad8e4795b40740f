"""Axes as they are chosen on the command line: `--axis`, and the options of one axis that it has taken the place of."""

from collections.abc import Iterable, Sequence

from bench.plan import memory_policy
from bench.plan.case import Axes, Value, parse_axis

_EVERY_POLICY = ("default", "growth", "fraction", "growth+fraction")


def chosen(
    texts: Iterable[str],
    policies: Sequence[str] = (),
    fraction: float | None = None,
    sizes: str | None = None,
) -> Axes:
    """The values of every axis that was chosen, each once; a share goes to the policies that have one.

    Raises UsageError where a text is no axis or no value.
    """
    found: dict[str, tuple[Value, ...]] = {"memory": tuple(policies)} if policies else {}
    for text in (*texts, *([] if sizes is None else [f"batch_size={sizes}"])):
        axis, values = parse_axis(text)
        found[axis] = tuple(dict.fromkeys((*found.get(axis, ()), *values)))
    if fraction is not None:
        found.setdefault("memory", _EVERY_POLICY)
    if "memory" in found:
        found["memory"] = tuple(_policy(str(name), fraction) for name in found["memory"])
    return found


def _policy(name: str, fraction: float | None) -> str:
    share = memory_policy.DEFAULT_FRACTION if fraction is None else memory_policy.check_fraction(fraction)
    return name if name == memory_policy.HOST else memory_policy.parse(name, share).name
