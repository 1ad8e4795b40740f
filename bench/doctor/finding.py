"""One line of a diagnosis."""

from typing import Literal

from bench.results.base import Record

State = Literal["ok", "warning", "problem"]


class Finding(Record, frozen=True, kw_only=True):
    """What was looked at and found; `remedy` says what to do, None where nothing is to be done.

    A warning means figures that are worse than they could be, or less of them; a problem, that something will not work.
    """

    subject: str
    state: State
    text: str
    remedy: str | None = None


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject=subject, state="ok", text=text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """It will work, and not as well as it could."""
    return Finding(subject=subject, state="warning", text=text, remedy=remedy)


def problem(subject: str, text: str, remedy: str) -> Finding:
    """Something will not work."""
    return Finding(subject=subject, state="problem", text=text, remedy=remedy)
