"""Cases, and how they are picked."""

import dataclasses
import itertools
from types import SimpleNamespace

import pytest

from bench.errors import UsageError
from bench.experiments import selection
from bench.experiments.registry import BATCH_SIZES, EXPERIMENTS, batch_sizes
from bench.experiments.selection import Choice, parse_sizes
from bench.machine.device import DeviceChoice
from bench.machine.nvml import CardMemory
from bench.plan.case import reference
from bench.run import execute


def test_several_experiments_share_globs_and_each_keeps_its_reference():
    found = selection.select(Choice(("modes", "batch", "ceiling"), only=("xla/*",)))
    assert list(found) == ["modes", "batch"]  # the ceiling has no such case
    for chosen in found.values():
        assert reference(chosen) in chosen
        assert any(case.twin for case in chosen)
    with pytest.raises(UsageError, match="No case of modes, batch matches"):
        selection.select(Choice(("modes", "batch"), only=("zebra",)))
    names = [case.full_name for chosen in selection.select(Choice(tuple(EXPERIMENTS))).values() for case in chosen]
    assert len(set(names)) == len(names)


def select(choice):
    """The cases of the only experiment."""
    (found,) = selection.select(choice).values()
    return found


def names(*only):
    return [case.name for case in select(Choice(("modes",), only))]


def test_modes_is_three_modes_by_two_pipelines_and_a_twin():
    assert names() == [
        "eager/resident",
        "function/resident",
        "xla/resident",
        "eager/notebook",
        "function/notebook",
        "xla/notebook",
        "function/resident/twin",
    ]


def test_the_reference_and_its_twin_stay_in():
    assert names("xla/*") == ["function/resident", "xla/resident", "xla/notebook", "function/resident/twin"]
    assert names("eager/resident", "xla/notebook")[0] == "eager/resident"


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(UsageError, match=r"Did you mean xla/resident"):
        names("xla/residence")
    with pytest.raises(UsageError, match=r"Known: modes, memory, pipelines, batch"):
        select(Choice(("zebra",)))


def of_memory(*only, chosen=(), fraction=None):
    return [case.name for case in select(Choice(("memory",), only, tuple(chosen), fraction))]


def test_memory_runs_four_policies_and_what_there_is_without_a_gpu():
    assert of_memory() == [
        "default/function",
        "growth/function",
        "fraction-0.9/function",
        "growth+fraction-0.9/function",
        "host/eager",
        "host/function",
        "host/xla",
        "growth/function/twin",
        "host/function/twin",
    ]
    assert len([name for name in of_memory("*") if not name.startswith("host/") and "twin" not in name]) == 5 * 2


def test_policies_and_their_share_can_be_chosen():
    assert of_memory("*/xla", chosen=["async"]) == [
        "growth/function",
        "async/xla",
        "host/function",
        "host/xla",
        "growth/function/twin",
        "host/function/twin",
    ]
    assert "fraction-0.5/function" in of_memory(fraction=0.5)
    assert "fraction-0.5/function" in of_memory(chosen=["fraction"], fraction=0.5)
    assert "growth+fraction-0.25/function" in of_memory(chosen=["growth+fraction-0.25"])


def test_the_reference_is_growth_on_a_gpu_and_the_host_without_one():
    selected = select(Choice(("memory",)))
    assert reference(selected).name == "growth/function"
    assert reference([case for case in selected if case.memory == "host"]).name == "host/function"


@pytest.mark.parametrize("change", [{"memory": ("growth",)}, {"memory_fraction": 0.5}])
def test_policies_belong_to_the_experiment_memory(change):
    with pytest.raises(UsageError, match="--experiment memory"):
        select(Choice(("modes",), **change))


def test_pipelines_are_eight_under_two_modes():
    found = [case.name for case in select(Choice(("pipelines",)))]
    assert len(found) == 2 * 8 + 1
    assert found[0] == reference(select(Choice(("pipelines",)))).name == "function/resident"


def test_quick_takes_four_pipelines():
    found = [case.name for case in select(Choice(("pipelines",), brief=True))]
    names = ("resident", "no-prefetch", "prefetch-1", "prefetch-auto", "resident/twin")
    assert found == [f"function/{name}" for name in names]
    assert len(select(Choice(("pipelines",), ("*",), brief=True))) == 17
    assert select(Choice(("modes",), brief=True)) == select(Choice(("modes",)))


def test_batch_sizes_can_be_chosen_and_the_notebooks_stays():
    def names(*sizes):
        return [case.name for case in select(Choice(("batch",), batch_sizes=sizes))]

    assert names() == [f"{mode}/{size}" for mode in ("function", "xla") for size in BATCH_SIZES] + ["function/64/twin"]
    assert names(8) == ["function/8", "function/64", "xla/8", "xla/64", "function/64/twin"]
    assert reference(select(Choice(("batch",)))).name == "function/64"


@pytest.mark.parametrize(("experiment", "sizes"), [("batch", (0,)), ("batch", (64, 2**20)), ("modes", (64,))])
def test_batch_sizes_out_of_range_or_place(experiment, sizes):
    with pytest.raises(UsageError, match="--batch-sizes"):
        select(Choice((experiment,), batch_sizes=sizes))


def test_batch_sizes_are_a_list_with_commas():
    assert parse_sizes("16, 64,1024") == (16, 64, 1024)
    for text in ("", "16;64", "-4", "1e3", "\u0663"):
        with pytest.raises(UsageError, match="commas"):
            parse_sizes(text)


@pytest.mark.parametrize(
    ("gibibytes", "largest"),
    [
        (None, 4_096),  # nobody knows
        (1, 4_096),
        (8, 65_536),
        (16, 65_536),
        (24, 262_144),
        (80, 262_144),
    ],
)
def test_a_gpu_gets_batches_as_large_as_its_memory_allows(gibibytes, largest):
    sizes = batch_sizes(None if gibibytes is None else gibibytes * 2**30)
    assert max(sizes) == largest
    assert set(BATCH_SIZES) <= set(sizes)
    assert all(after == 4 * before for before, after in itertools.pairwise(sizes))


@pytest.mark.parametrize(
    ("changes", "card", "expected"),
    [
        pytest.param({}, "0", (*BATCH_SIZES, 16_384, 65_536), id="a card with 16 GiB of which some are used"),
        pytest.param({}, None, (), id="a CPU has the usual ones"),
        pytest.param({"batch_sizes": (8,)}, "0", (8,), id="those that were asked for"),
        pytest.param({"experiments": ("modes",)}, "0", (), id="another experiment"),
    ],
)
def test_a_run_chooses_batches_by_the_device_unless_they_are_named(changes, card, expected):
    memory = CardMemory(total=16 * 2**30, used=400 * 2**20)
    device = DeviceChoice("gpu" if card else "cpu", "", {}, "", card)
    wanted = dataclasses.replace(Choice(("batch",)), **changes)
    assert execute._batch_sizes(wanted, device, SimpleNamespace(memory=lambda: (memory, None))) == expected
