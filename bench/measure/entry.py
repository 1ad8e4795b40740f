"""What a run measures: cases, each on a side, where a side is one Python interpreter with its TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.plan import environments, frameworks, strategies
from bench.plan.case import Case, reference

Side = Literal["new", "base"]

NEW: Side = "new"
BASE: Side = "base"


@dataclass(frozen=True)
class ServerKey:
    """Which of a repetition's servers: of a side, with a framework, in an environment; or the base's A/A control's."""

    side: Side
    framework: str = frameworks.TENSORFLOW
    environment: str = environments.USUAL
    control: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether its side cannot be measured without it; of another only its own cases fail."""
        return self.framework == frameworks.TENSORFLOW and self.environment == environments.USUAL


@dataclass(frozen=True)
class Entry:
    """A case on a side: in every repetition it gets a worker of its own."""

    case: Case
    side: Side = NEW

    @property
    def name(self) -> str:
        """The case's name, with the side before it where it is the other one."""
        return self.case.name if self.side == NEW else f"{self.side}:{self.case.name}"

    @property
    def server(self) -> ServerKey:
        """Which of the repetition's servers its worker comes from.

        Two sides differ by their servers too, so the base's A/A control has a server of its own and shows that
        difference.
        """
        return ServerKey(
            self.side,
            self.case.framework,
            environments.of_server(self.case.environment),
            control=self.side == BASE and self.case.control,
        )


@dataclass(frozen=True)
class Entries:
    """All entries of a run, and how they belong together."""

    all: tuple[Entry, ...]
    side_by_side: bool

    @property
    def reference(self) -> Entry:
        """What ratios to the reference are taken to, within the side that is measured for its own sake."""
        return Entry(reference([entry.case for entry in self.all]), NEW)

    def partner(self, entry: Entry) -> Entry:
        """What an entry's time is divided by: its case on the other side, or the reference."""
        return Entry(entry.case, BASE) if self.side_by_side and entry.side == NEW else self.reference_of(entry.side)

    def reference_of(self, side: Side) -> Entry:
        """The reference on this side."""
        return Entry(self.reference.case, side)

    def is_fixed(self, entry: Entry) -> bool:
        """Whether it stays in every round: the reference, on both sides, and the A/A control."""
        return entry.case.control or entry.case == self.reference.case

    def judged(self) -> tuple[Entry, ...]:
        """Those whose intervals decide when enough is measured: all that are compared, or else the A/A control."""
        if self.side_by_side:
            return tuple(entry for entry in self.all if entry.side == NEW)
        others = tuple(entry for entry in self.all if not self.is_fixed(entry))
        return others or tuple(entry for entry in self.all if entry.case.control)

    def together(self, entry: Entry) -> tuple[Entry, ...]:
        """The entry, and its counterpart on the other side where there is one: they live and leave together."""
        return tuple(other for other in self.all if other.case == entry.case)

    def groups(self, alive: Sequence[Entry], most: int) -> list[list[Entry]]:
        """The entries whose workers live at the same time: at most so many processes, with what stays in each group."""
        if _processes(alive) <= most:
            return [list(alive)]
        fixed = [entry for entry in alive if self.is_fixed(entry)]
        groups = [list(fixed)]
        for entry in alive:
            unit = [other for other in self.together(entry) if other in alive]
            if self.is_fixed(entry) or unit[0] != entry:  # in every group, or there with its counterpart
                continue
            if _processes([*groups[-1], *unit]) > most and len(groups[-1]) > len(fixed):
                groups.append(list(fixed))
            groups[-1] += unit
        return groups


def _processes(entries: Sequence[Entry]) -> int:
    return sum(strategies.ranks(entry.case) for entry in entries)


def of(selected: Sequence[Case], side_by_side: bool) -> Entries:
    """The entries of a run of these cases; side by side, the A/A control is the base's only."""
    if not side_by_side:
        return Entries(tuple(Entry(case) for case in selected), side_by_side=False)
    new = [Entry(case, NEW) for case in selected if not case.control]
    return Entries((*new, *(Entry(case, BASE) for case in selected)), side_by_side=True)
