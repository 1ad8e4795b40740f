"""Which cases answer the question, on which device, and which of them a device has not."""

from types import SimpleNamespace

import pytest

from bench.errors import UsageError
from bench.experiments import selection
from bench.experiments.base import Room, cases_of
from bench.experiments.precision.experiment import PRECISION
from bench.experiments.selection import Choice
from bench.machine.device import DeviceChoice
from bench.machine.nvml import GpuMemory
from bench.plan.case import Case, reference
from bench.run import plan
from bench.run.interpreters import Interpreters
from bench.run.plan import room_of

CPU = Room(free_bytes=None, devices=2)
AMPERE, TURING, PASCAL = (
    Room(free_bytes=80 * 10**9, devices=1, on_gpu=True, capability=capability)
    for capability in ((8, 0), (7, 5), (6, 1))
)
UNKNOWN = Room(free_bytes=None, devices=1, on_gpu=True)


def names(room=CPU, **axes):
    return [case.name for case in cases_of(PRECISION, PRECISION.fit(axes, room))]


def skipped(room):
    return {
        case.precision: reason for case in cases_of(PRECISION) if (reason := PRECISION.why_not(case, room)) is not None
    }


def test_every_precision_in_both_modes_at_two_batches():
    found = names()
    assert found[:4] == [f"{name}/64/function" for name in ("float32", "tf32", "mixed_bfloat16", "mixed_float16")]
    assert found[-1] == "float32/64/function/control"
    assert len(found) == 4 * 2 * 2 + 1
    assert {name.split("/")[1] for name in found} == {"64", "4096"}
    assert {case.pipeline for case in cases_of(PRECISION)} == {"resident"}


def test_the_reference_is_float32_with_the_notebooks_batch():
    assert reference(cases_of(PRECISION)).name == "float32/64/function"


def test_of_other_experiments_nothing_is_another_precision():
    usual = Case(experiment="modes")
    assert usual.precision == "default"
    assert "default" not in usual.name


def test_float32_comes_with_every_other():
    assert names(precision=("mixed_bfloat16",), batch_size=(256,), mode=("xla",)) == [
        "float32/64/function",
        "float32/64/xla",
        "mixed_bfloat16/64/xla",
        "float32/256/xla",
        "mixed_bfloat16/256/xla",
        "float32/64/function/control",
    ]


@pytest.mark.parametrize(
    ("free_bytes", "largest"),
    [(1 * 2**30, 4_096), (24 * 2**30, 65_536), (80 * 2**30, 262_144)],
    ids=["a small GPU", "24 GiB", "80 GiB"],
)
def test_the_other_batch_is_the_largest_of_the_device(free_bytes, largest):
    assert PRECISION.fit({}, Room(free_bytes, 1)) == {"batch_size": (largest,)}


def test_a_cpu_has_no_tf32_and_computes_the_rest():
    assert skipped(CPU) == {"tf32": "tf32 needs a GPU of compute capability 8.0, and this is a CPU"}


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (AMPERE, set()),
        (UNKNOWN, set()),
        (TURING, {"tf32", "mixed_bfloat16"}),
        (PASCAL, {"tf32", "mixed_bfloat16", "mixed_float16"}),
    ],
    ids=["8.0", "unknown", "7.5", "6.1"],
)
def test_a_gpu_computes_what_it_has_products_for(room, expected):
    reasons = skipped(room)
    assert reasons.keys() == expected
    if expected:
        capability = "{}.{}".format(*room.capability)
        assert reasons["tf32"] == f"tf32 needs a GPU of compute capability 8.0, and this one has {capability}"


def test_what_a_device_has_not_is_skipped_before_measuring():
    cases = selection.select(Choice(("precision",)))["precision"]
    choice = DeviceChoice("cpu", "as asked", {}, "cpu")
    measured, left = plan._split(PRECISION, cases, choice, CPU, Interpreters())
    assert {case.name for case in left} == {
        f"tf32/{size}/{mode}" for size in (64, 4096) for mode in ("function", "xla")
    }
    assert set(measured) == set(cases) - set(left)
    assert any(case.control for case in measured)


def test_the_driver_is_asked_what_a_gpu_can():
    memory = GpuMemory(total=16 * 2**30, used=0)
    gpu = SimpleNamespace(memory=lambda: (memory, None), compute_capability=lambda: (7, 5))
    assert room_of(DeviceChoice("gpu", "", {}, "", ("0",)), gpu).capability == (7, 5)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"precision": ("float64",)}, "no precision 'float64'"),
        ({"precision": ("default",)}, "--axis precision=default: it is one of float32, tf32, mixed_bfloat16"),
        ({"mode": ("xla-fused",)}, "--axis mode=xla-fused: a step is cast in one of eager, function, xla"),
        ({"batch_size": (0,)}, "a batch has 1 to 262,144 examples"),
    ],
    ids=["unknown", "none of its own", "another Adam", "no rows"],
)
def test_what_cannot_be_is_refused_with_what_can(axes, message):
    with pytest.raises(UsageError, match=message):
        selection.select(Choice(("precision",), axes=axes))


def test_it_is_measured_where_it_is_named():
    assert PRECISION.on_request
