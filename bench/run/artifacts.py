"""What a run does once nothing is measured any more: read its traces back, save, draw, and write its report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.measure.entry import NEW, Side
from bench.output.progress import View
from bench.profiles import breakdown
from bench.recording import folders
from bench.recording.recorder import Recorder
from bench.results.record import Breakdown, CaseRecord, Profile
from bench.results.schema import Document, Status

# For the display: of the run, how much is done by then.
_SHARE = 0.99


@dataclass(frozen=True)
class Finished:
    """The documents in a run's folder, and whether everything was made of them that is to be made."""

    documents: dict[Side, Document]
    whole: bool


@dataclass(frozen=True)
class _Trace:
    """A trace that is to be read back: whose, under which name it stands there, and what is known of it."""

    record: CaseRecord
    name: str
    profile: Profile

    @property
    def steps_per_call(self) -> int:
        """How many steps each of its marks stands for."""
        return self.record.sample_size.steps_per_call if self.record.sample_size else 1


def finish(
    recorders: Mapping[Side, Recorder], folder: Path, status: Status, reason: str | None, view: View
) -> Finished:
    """Leave a complete run folder.

    The results are saved before anything is made of them, so that what fails here costs no measurement: it is said, and
    the rest is made.
    """
    documents = {side: recorder.document(status, reason) for side, recorder in recorders.items()}

    def save() -> None:
        for recorder in recorders.values():
            recorder.save(status, reason)

    made = [_is_made("The last result", save, view)]
    if not documents[NEW].benchmarks:
        return Finished(documents, whole=all(made))
    if traced := _traced(recorders[NEW]):
        view.milestone(f"analysing {len(traced)} traces", _SHARE)

        def read_back() -> None:
            _read_back(recorders[NEW], traced, folder)
            documents[NEW] = recorders[NEW].save(status, reason)

        made.append(_is_made("What the traces say", read_back, view))
    view.milestone("writing plots, TensorBoard logs and the report", _SHARE)
    recorder, document = recorders[NEW], documents[NEW]
    made.append(_is_made("The plots", lambda: _draw(document, folder), view))
    made.append(_is_made("TensorBoard's files", lambda: _fill_tensorboard(document, recorder, folder), view))
    made.append(_is_made("The report", lambda: _report(document, folder), view))
    return Finished(documents, whole=all(made))


def _is_made(what: str, make: Callable[[], None], view: View) -> bool:
    """Make one of the things that a folder holds beside its results; False where that fails."""
    try:
        make()
    except Exception as error:  # a measured run must not end as a crash, whatever one plot of it stumbles over
        view.say(f"{what} could not be made: {type(error).__name__}: {error}. What each repetition measured is saved.")
        return False
    return True


# Imported where they are needed: Matplotlib takes most of a second, and a measuring process has no use for it.


def _draw(document: Document, folder: Path) -> None:
    from bench.report import drawn

    drawn.save_all(document, folder / "plots")


def _fill_tensorboard(document: Document, recorder: Recorder, folder: Path) -> None:
    from bench.report import training
    from bench.tensorboard import sub_runs

    records = [record for experiment in recorder.experiments.values() for record in experiment.measured().cases]
    sub_runs.write(document, records, training.read_losses(folder), folder)


def _report(document: Document, folder: Path) -> None:
    from bench.report import run_page

    run_page.write(document, folder, folder / folders.REPORT)


def _traced(recorder: Recorder) -> list[_Trace]:
    """The traces that are there and hold what they should, of each case the usual one and that of CUDA graphs."""
    return [
        _Trace(record, name, profile)
        for experiment in recorder.experiments.values()
        for record in experiment.measured().cases
        for name in ("profile", "profile_of_graphs")
        if (profile := getattr(record, name)) and profile.status == "ok"
    ]


def _read_back(recorder: Recorder, traced: Sequence[_Trace], folder: Path) -> None:
    kind = recorder.circumstances.device.kind
    found = breakdown.read_all([(folder / one.profile.folder, one.steps_per_call) for one in traced], kind)
    for one, read in zip(traced, found, strict=True):
        parts = {"breakdown": read} if isinstance(read, Breakdown) else {"breakdown_reason": read}
        experiment = recorder.experiments[one.record.case.experiment]
        experiment.note(one.record.case, **{one.name: msgspec.structs.replace(one.profile, **parts)})
