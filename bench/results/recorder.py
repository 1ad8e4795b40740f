"""Collect what a run measures, and save all of it whenever a part is done."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec

from bench.cases import Case
from bench.measure.protocol import Probed
from bench.results import files
from bench.results.document import Circumstances, build
from bench.results.record import CaseRecord, CohortRecord, Failure, Replicate, Training
from bench.results.schema import Document, Status


class Recorder:
    """The growing record of one run."""

    def __init__(self, circumstances: Circumstances, cases: tuple[Case, ...], path: Path) -> None:
        self.circumstances = circumstances
        self._path = path
        self._cases = {case.name: CaseRecord(case=case) for case in cases}
        self._cohorts: dict[int, CohortRecord] = {}
        self._training: Training | str | None = None

    @property
    def has_measured(self) -> bool:
        """Whether there is anything worth saving."""
        return bool(self._cohorts)

    def alive(self) -> list[Case]:
        """The cases that have not failed, in their order."""
        return [record.case for record in self._cases.values() if record.failure is None]

    def fail(self, case: Case, failure: Failure) -> None:
        """The case has failed: it keeps what is known of it, and is not measured again."""
        self.note(case, failure=failure)

    def note(self, case: Case, **facts: Any) -> None:
        """Set fields of the case's record."""
        self._cases[case.name] = msgspec.structs.replace(self._cases[case.name], **facts)

    def add_probe(self, probed: Probed) -> None:
        """A worker has seen what TensorFlow sees."""
        circumstances = self.circumstances
        device = circumstances.device
        if probed.gpus:
            device = msgspec.structs.replace(device, name=probed.gpus[0], gpus=tuple(probed.gpus))
        software = msgspec.structs.replace(
            circumstances.software,
            tensorflow=probed.tensorflow,
            keras=probed.keras,
            cuda_build=probed.cuda_build,
            cuda=probed.cuda_version,
            cudnn=probed.cudnn_version,
        )
        self.circumstances = dataclasses.replace(circumstances, device=device, software=software)

    def record(self, case: Case) -> CaseRecord:
        """What is known of a case so far."""
        return self._cases[case.name]

    def put_cohort(self, cohort: CohortRecord, replicates: dict[str, Replicate]) -> None:
        """Take in what a cohort has measured so far; what came before of the same cohort is kept."""
        self._cohorts[cohort.cohort] = cohort
        for name, replicate in replicates.items():
            record = self._cases[name]
            self.note(record.case, replicates=(*record.replicates, replicate))

    def add_training(self, training: Training | str) -> None:
        """The training run is done, or has failed for the reason given."""
        self._training = training

    def save(self, status: Status, reason: str | None = None) -> Document:
        """Write everything so far to the result file, atomically, and return it; `reason` is why the run failed."""
        document = build(
            self.circumstances, list(self._cases.values()), list(self._cohorts.values()), self._training, status, reason
        )
        files.write(document, self._path)
        return document
