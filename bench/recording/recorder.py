"""Collect what one side of a run measures, experiment by experiment, and save all of it whenever a part is done."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.experiments.base import ExperimentPlan, Measured
from bench.plan.case import Case
from bench.protocol import Probed, ServerReady
from bench.recording.build import Circumstances, Progress, build
from bench.results import files
from bench.results.record import (
    CaseRecord,
    Fact,
    Failure,
    ProcessRecord,
    Quantities,
    RepetitionRecord,
    SameModel,
    Training,
)
from bench.results.schema import Document, Status, Stopping


class ExperimentRecorder:
    """The growing record of one experiment, or of one side of it: one of two sides has no A/A control."""

    def __init__(self, plan: ExperimentPlan, controls: bool = True) -> None:
        self.stopping: Stopping | None = None
        self._plan = plan
        cases = [case for case in plan.cases if controls or not case.control]
        self._cases = {case.name: CaseRecord(case=case) for case in (*cases, *plan.skipped)}
        self._repetitions: dict[int, RepetitionRecord] = {}
        self._sides: SameModel | None = None
        self._quantities: list[Quantities] = []
        for case, reason in plan.skipped.items():
            self.note(case, skipped=reason)

    @property
    def has_measured(self) -> bool:
        """Whether there is anything worth saving."""
        return bool(self._repetitions)

    def fail(self, case: Case, failure: Failure) -> None:
        """The case has failed: it keeps what is known of it, and is not measured again."""
        self.note(case, failure=failure)

    def note(self, case: Case, **facts: Any) -> None:
        """Set fields of the case's record."""
        self._cases[case.name] = msgspec.structs.replace(self._cases[case.name], **facts)

    def note_sides(self, between: SameModel) -> None:
        """The two sides' eager losses were held against each other."""
        self._sides = between

    def record(self, case: Case) -> CaseRecord:
        """What is known of a case so far."""
        return self._cases[case.name]

    def put_repetition(self, repetition: RepetitionRecord, processes: dict[str, ProcessRecord]) -> None:
        """Take in what a repetition has measured so far; what is there of the same processes is replaced."""
        self._repetitions[repetition.repetition] = repetition
        for name, process in processes.items():
            record = self._cases[name]
            before = (other for other in record.processes if other.repetition != process.repetition)
            self.note(record.case, processes=(*before, process))

    def add_quantities(self, quantities: Quantities, case: Case | None) -> None:
        """What was measured beside steps, of a case or of the device."""
        if case is None:
            self._quantities.append(quantities)
        else:
            self.note(case, quantities=(*self.record(case).quantities, quantities))

    def measured(self) -> Measured:
        """Everything so far."""
        return Measured(
            plan=self._plan,
            cases=list(self._cases.values()),
            repetitions=list(self._repetitions.values()),
            sides=self._sides,
            stopping=self.stopping,
            quantities=list(self._quantities),
        )


class Recorder:
    """The growing record of one run, or of one side of it."""

    def __init__(
        self, circumstances: Circumstances, plans: Sequence[ExperimentPlan], path: Path, controls: bool = True
    ) -> None:
        self.circumstances = circumstances
        self.experiments = {plan.name: ExperimentRecorder(plan, controls) for plan in plans}
        self.time_spent: dict[str, float] = {}
        self._path = path
        self._training: Training | str | None = None

    @property
    def has_measured(self) -> bool:
        """Whether there is anything worth saving."""
        return any(experiment.has_measured for experiment in self.experiments.values())

    def add_server(self, ready: ServerReady) -> None:
        """A server of this side has said what it is."""
        software = msgspec.structs.replace(
            self.circumstances.software, suite=ready.suite, python=ready.python, numpy=ready.numpy
        )
        machine_info = {**ready.machine_info, "node": self.circumstances.plan.label or ""}
        self.circumstances = dataclasses.replace(
            self.circumstances, software=software, machine_info=machine_info, commit_info=ready.commit_info
        )

    def add_facts(self, facts: Mapping[str, Mapping[str, Fact]]) -> None:
        """More is known of the machine; a group that is there is replaced."""
        self.circumstances = dataclasses.replace(self.circumstances, facts={**self.circumstances.facts, **facts})

    def add_probe(self, probed: Probed) -> None:
        """A worker has seen what its framework sees."""
        circumstances = self.circumstances
        device = circumstances.device
        if probed.gpus:
            device = msgspec.structs.replace(device, name=probed.gpus[0], gpus=tuple(probed.gpus))
        software = msgspec.structs.replace(
            circumstances.software,
            cuda_build=probed.gpu_build,
            **{name: version for name, version in probed.versions.items() if hasattr(circumstances.software, name)},
        )
        self.circumstances = dataclasses.replace(circumstances, device=device, software=software)
        self.add_facts({probed.framework.lower(): probed.facts})

    def add_training(self, training: Training | str) -> None:
        """The training run is done, or has failed for the reason given."""
        self._training = training

    def document(self, status: Status, reason: str | None = None) -> Document:
        """Everything so far; `reason` is why the run ended as it did."""
        progress = Progress(status=status, reason=reason, training=self._training, time_spent=self.time_spent)
        measured = [experiment.measured() for experiment in self.experiments.values()]
        return build(self.circumstances, measured, progress)

    def save(self, status: Status, reason: str | None = None) -> Document:
        """Write everything so far to the result file, atomically, and return it. Raises OSError where that fails."""
        document = self.document(status, reason)
        files.write(document, self._path)
        return document
