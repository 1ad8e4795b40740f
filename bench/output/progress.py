"""What a run tells its user while it goes on, whatever shows it."""

from typing import Protocol


class View(Protocol):
    """Takes lines and progress; a run calls it between measurements, never during one."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def stage(self, text: str, fraction: float) -> None:
        """What begins now, and the share of the run that is done, 0 to 1."""

    def advance(self, text: str, fraction: float) -> None:
        """How far the stage has come; may be shown or not."""
