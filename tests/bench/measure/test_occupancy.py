"""What a process takes of a GPU, and whether that contradicts its policy; the GPUs are made of figures."""

import itertools

import msgspec
import pytest

from bench.machine.nvml import GpuMemory
from bench.measure import applied, occupancy
from bench.measure.occupancy import Baseline
from bench.plan.memory_policy import parse
from bench.results.record import DeviceMemory

GIB = 2**30


class FakeGpu:
    """A GPU whose use is what a list says, reading after reading; its last value stays."""

    def __init__(self, used, others=(0,), total=16 * GIB):
        self._used = itertools.chain(used, itertools.repeat(used[-1]))
        self._others = itertools.chain(others, itertools.repeat(others[-1]))
        self._total = total

    def memory(self):
        used = next(self._used)
        return (None, used) if isinstance(used, str) else (GpuMemory(self._total, used), None)

    def others(self):
        found = next(self._others)
        return (None, "Not Supported") if found is None else (found, None)


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


def baseline(gpu):
    clock = Clock()
    return occupancy.baseline(gpu, clock.sleep, clock.now), clock.seconds


def test_a_baseline_waits_until_memory_has_come_back():
    found, seconds = baseline(FakeGpu([900, 900, 700, 500, 500]))
    assert (found.total_bytes, found.used_bytes, found.exclusive) == (16 * GIB, 500, True)
    assert seconds == pytest.approx(0.5 + 3 * 0.05, abs=0.06)


def test_a_gpu_that_never_settles_has_no_baseline():
    found, seconds = baseline(FakeGpu(list(range(1000))))
    assert found.used_bytes is None
    assert "kept changing" in found.reason
    assert 10 < seconds < 11


@pytest.mark.parametrize("readings", [["lost"], [5, 5, "lost"]])
def test_a_gpu_that_does_not_answer_has_none_either(readings):
    found, _ = baseline(FakeGpu(readings))
    assert (found.used_bytes, found.reason) == (None, "lost")


@pytest.mark.parametrize(("others", "exclusive"), [(0, True), (2, False), (None, None)])
def test_who_is_on_the_gpu_before_ours(others, exclusive):
    assert baseline(FakeGpu([5], others=(others,)))[0].exclusive is exclusive


def test_lost_is_beyond_the_baseline_and_reserved_is_lost_less_context():
    before = Baseline(16 * GIB, 500, exclusive=True)
    found = occupancy.take(FakeGpu([500 + 900], others=(1,)), before, 300, (4, 6))
    assert (found.nvml_used_bytes, found.context_bytes, found.reserved_bytes) == (900, 300, 600)
    assert (found.tensors_bytes, found.tensors_peak_bytes, found.exclusive, found.reason) == (4, 6, True, None)


def test_who_comes_meanwhile_is_noticed():
    before = Baseline(16 * GIB, 500, exclusive=True)
    assert occupancy.take(FakeGpu([900], others=(2,)), before, 300, (4, 6)).exclusive is False


def test_what_is_missing_has_a_reason():
    before = Baseline(16 * GIB, 500, exclusive=None)
    found = occupancy.take(FakeGpu([900]), before, None, (4, 6))
    assert (found.nvml_used_bytes, found.reserved_bytes) == (400, None)
    assert "context" in found.reason
    found = occupancy.take(FakeGpu(["lost"]), before, 300, (4, 6))
    assert (found.nvml_used_bytes, found.reserved_bytes, found.reason) == (None, None, "lost")


def test_what_others_gave_back_is_no_loss_of_nothing():
    before = Baseline(16 * GIB, 500, exclusive=False)
    found = occupancy.take(FakeGpu([400], others=(1,)), before, 300, (4, 6))
    assert (found.nvml_used_bytes, found.reserved_bytes) == (None, None)
    assert "gave back" in found.reason


def test_a_list_without_our_own_process_tells_nothing():
    before = Baseline(16 * GIB, 500, exclusive=True)
    assert occupancy.take(FakeGpu([900], others=(0,)), before, 300, (4, 6)).exclusive is None
    assert occupancy.is_blind(FakeGpu([900], others=(0,)))
    assert not occupancy.is_blind(FakeGpu([900], others=(1,)))
    assert not occupancy.is_blind(FakeGpu([900], others=(None,)))


@pytest.mark.parametrize("exclusive", [False, None])
def test_beside_others_no_figure_contradicts_a_policy(exclusive):
    shared = msgspec.structs.replace(memory(int(0.9 * 16 * GIB)), exclusive=exclusive)
    assert applied.by_figures(parse("growth"), shared, "8.0") is None


def memory(reserved, total=16 * GIB, used=0, context=GIB // 4):
    return DeviceMemory(
        tensors_bytes=4,
        tensors_peak_bytes=6,
        total_bytes=total,
        nvml_idle_bytes=used,
        nvml_used_bytes=reserved + context,
        context_bytes=context,
        reserved_bytes=reserved,
        exclusive=True,
    )


@pytest.mark.parametrize(
    ("policy", "reserved", "used", "sound"),
    [
        ("growth", 0.02, 0, True),
        ("growth", 0.9 * 16, 0, False),
        ("growth+fraction-0.9", 0.02, 0, True),
        ("growth+fraction-0.9", 0.9 * 16, 0, False),
        ("growth+fraction-0.1", 2.0, 0, False),
        ("async", 0.02, 0, True),
        ("async", 10, 0, False),
        ("fraction-0.9", 0.9 * 16, 0, True),
        ("fraction-0.9", 0.9 * 0.9 * 16, 0, True),  # did not fit at once
        ("fraction-0.9", 0.02, 0, False),
        ("fraction-0.5", 0.9 * 16, 0, False),
        ("fraction-0.9", 7.5, 8, True),  # what was left of a GPU that others use
        ("default", 16 - 0.25 - 1.5, 0, True),
        ("default", 8 - 0.25 - 1.5, 8, True),
        ("default", 0.02, 0, False),
    ],
)
def test_a_reservation_fits_its_policy_or_contradicts_it(policy, reserved, used, sound):
    found = applied.by_figures(parse(policy), memory(int(reserved * GIB), used=used * GIB), "8.0")
    assert (found is None) == sound
    assert sound or policy in found


def test_the_default_leaves_what_tensorflow_leaves_on_each_generation():
    for capability, margin in (("6.1", 500), ("7.5", 1050), ("8.9", 1536), ("9.0", 1800), ("12.0", 1800)):
        reserved = 16 * GIB - GIB // 4 - margin * 2**20
        assert applied.by_figures(parse("default"), memory(reserved), capability) is None
    assert applied.by_figures(parse("default"), memory(2 * GIB - 225 * 2**20 - 600, 2 * GIB, 0, 500), "8.6") is None
    assert applied.by_figures(parse("default"), memory(GIB), None) is None  # unknown what it should leave
    assert applied.by_figures(parse("default"), memory(GIB // 8, 2 * GIB, 0, 500), None) is not None


def test_without_figures_nothing_is_contradicted():
    assert applied.by_figures(parse("fraction-0.9"), DeviceMemory(tensors_bytes=1, tensors_peak_bytes=1), None) is None


class ExclusiveGpu(FakeGpu):
    def __init__(self, others, admits_one_process=True):
        super().__init__([0], others)
        self.admits_one_process = admits_one_process

    def is_taken(self):
        found, _ = self.others()
        return bool(found)


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        pytest.param(ExclusiveGpu((1, 1, 0)), 0.1, id="a process that is being taken down"),
        pytest.param(ExclusiveGpu((0,)), 0.0, id="free"),
        pytest.param(ExclusiveGpu((None,)), 0.0, id="nobody can tell"),
        pytest.param(ExclusiveGpu((2,)), 10.0, id="somebody stays"),
        pytest.param(ExclusiveGpu((2,), admits_one_process=False), 0.0, id="others may be there too"),
    ],
)
def test_a_gpu_for_one_process_is_waited_for_until_it_is_free(gpu, expected):
    clock = Clock()
    occupancy.wait_until_free(gpu, clock.sleep, clock.now)
    assert clock.seconds == pytest.approx(expected, abs=0.051)
