"""Which cases may be started on a GPU that somebody else may be using."""

import pytest

from bench.experiments import selection
from bench.experiments.selection import Choice
from bench.launch.worker import Timeouts
from bench.machine.nvml import Gpu
from bench.measure import entry, occupancy
from bench.measure.occupancy import Baseline
from bench.measure.repetition import Repetition
from bench.measure.settings import Settings

ENTRIES = entry.of(
    [case for case in selection.select(Choice(("memory",)))["memory"] if case.memory != "host"], side_by_side=False
)


@pytest.mark.parametrize(
    ("exclusive", "allowed", "skipped"),
    [
        (True, False, set()),
        (False, False, {"default", "fraction-0.9"}),
        (None, False, {"default", "fraction-0.9"}),  # nobody can tell, as on WSL2
        (False, True, set()),
    ],
)
def test_what_reserves_is_kept_off_a_shared_gpu_unless_allowed(
    monkeypatch, tmp_path, tiny, exclusive, allowed, skipped
):
    monkeypatch.setattr(occupancy, "baseline", lambda gpu: Baseline(16, 1, exclusive))
    settings = Settings(
        device="gpu",
        gpu=Gpu(),
        tf32=None,
        seed=1,
        preset=tiny,
        timeouts=Timeouts(),
        folder=tmp_path,
        interleaved=False,
        allow_shared=allowed,
    )
    repetition = Repetition(1, {}, ENTRIES, settings, lambda entry, failure: None)
    reasons = {entry.case.memory: repetition.why_not(entry) for entry in ENTRIES.all}
    assert {memory for memory, reason in reasons.items() if reason} == skipped
    assert all("--allow-shared" in reason for reason in reasons.values() if reason)
