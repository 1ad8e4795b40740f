"""Which cases answer the question, on however many devices there are."""

import pytest

from bench.errors import UsageError
from bench.experiments.base import Room, cases_of
from bench.experiments.scaling.experiment import SCALING
from bench.plan.case import reference

CPU = Room(free_bytes=None, devices=2)


def names(**axes):
    return [case.name for case in cases_of(SCALING, SCALING.fit(axes, CPU))]


def test_every_size_is_split_and_multiplied_up_to_the_largest():
    found = [case.name for case in cases_of(SCALING, {"mode": ("function",), "devices": (1, 2, 4)})]
    assert found == [
        "single/1/64/function",
        "single/1/512/function",
        "single/1/2048/function",
        *(f"mirrored/2/{size}/function" for size in (64, 128, 512, 1024, 2048)),
        *(f"mirrored/4/{size}/function" for size in (64, 256, 512, 2048)),
        # Processes: over all devices alone.
        *(f"multi-worker/4/{size}/function" for size in (64, 256, 512, 2048)),
        "single/1/64/function/control",
    ]


def test_devices_that_cannot_share_a_size_share_multiples_of_it():
    found = [case.name for case in cases_of(SCALING, {"mode": ("function",), "devices": (3,)})]
    assert [name for name in found if name.startswith("mirrored")] == [
        "mirrored/3/192/function",
        "mirrored/3/1536/function",
    ]


def test_the_reference_is_one_device_with_the_notebooks_batch():
    assert reference(cases_of(SCALING)).name == "single/1/64/function"


def test_it_is_measured_where_it_is_named():
    assert SCALING.on_request


def test_without_modes_named_the_step_that_users_write_is_measured():
    assert SCALING.usual({}) == ("*/function",)
    assert SCALING.usual({"mode": ("function-fused",)}) == ("*",)


@pytest.mark.parametrize(
    ("devices", "free_bytes", "expected"),
    [
        (1, None, {"devices": (1,)}),
        (2, None, {"devices": (1, 2)}),
        (6, None, {"devices": (1, 2, 4)}),
        (64, None, {"devices": (1, 2, 4, 8)}),  # each is a process with its threads: more are asked for
        (8, 80 * 2**30, {"devices": (1, 2, 4, 8), "batch_size": (64, 2_048, 16_384, 65_536)}),
        (2, 2 * 2**30, {"devices": (1, 2), "batch_size": (64, 2_048, 16_384)}),
    ],
    ids=["one core", "two cores", "six cores", "many cores", "eight GPUs", "two small GPUs"],
)
def test_a_machine_gets_as_many_devices_as_it_has(devices, free_bytes, expected):
    assert SCALING.fit({}, Room(free_bytes, devices, on_gpu=free_bytes is not None)) == expected


def test_on_one_device_the_strategies_alone_are_measured():
    found = [case.name for case in cases_of(SCALING, {"devices": (1,), "batch_size": (64,), "mode": ("function",)})]
    assert found == [
        "single/1/64/function",
        "mirrored/1/64/function",
        "multi-worker/1/64/function",
        "single/1/64/function/control",
    ]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"devices": (4,)}, "2 cores, each of them a device, may be used here. Choose 1 to 2"),
        ({"devices": (0,)}, "--axis devices=0"),
        ({"batch_size": (65,), "devices": (2,)}, "--axis batch_size=65: 2 devices cannot share it evenly"),
        ({"batch_size": (0,)}, "1 to 262,144"),
        ({"batch_size": (300_000,)}, "1 to 262,144"),
        ({"mode": ("eager",)}, "devices share a step as function, function-fused, function-xla-gradients"),
    ],
    ids=["more devices", "none", "uneven", "no rows", "too many rows", "a mode"],
)
def test_what_cannot_be_is_refused_with_what_can(axes, message):
    with pytest.raises(UsageError, match=message):
        names(**axes)


def test_gpus_are_called_that():
    with pytest.raises(UsageError, match="2 GPUs may be used here"):
        SCALING.fit({"devices": (4,)}, Room(None, 2, on_gpu=True))
