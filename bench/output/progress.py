"""What a run tells its user while it goes on, whatever shows it."""

from typing import Protocol

from bench.results.schema import Document


class View(Protocol):
    """Takes lines and progress; a run calls it between measurements, never during one."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def milestone(self, text: str, fraction: float) -> None:
        """What begins now, and the share of the run that is done, 0 to 1; a line in a log."""

    def stage(self, text: str, fraction: float) -> None:
        """The same of something small, that a log can do without."""

    def advance(self, text: str, fraction: float) -> None:
        """How far the stage has come; may be shown or not."""

    def figures(self, document: Document) -> None:
        """What is known so far, after each repetition of an experiment."""
