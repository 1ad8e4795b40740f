"""Cases, and how they are picked."""

import itertools
from types import SimpleNamespace

import pytest

from bench.commands import axes
from bench.errors import UsageError
from bench.experiments import batch_sizes, selection
from bench.experiments.base import Room
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.selection import Choice, experiments_about
from bench.machine.device import DeviceChoice
from bench.machine.nvml import GpuMemory
from bench.plan.case import reference
from bench.run.plan import room_of


def test_several_experiments_share_globs_and_each_keeps_its_reference():
    found = selection.select(Choice(("modes", "batch", "roofline"), only=("xla/*",)))
    assert list(found) == ["modes", "batch"]  # the roofline has no such case
    for chosen in found.values():
        assert reference(chosen) in chosen
        assert any(case.control for case in chosen)
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


def test_modes_is_three_modes_by_two_pipelines_and_a_control():
    assert names() == [
        "eager/resident",
        "function/resident",
        "xla/resident",
        "eager/notebook",
        "function/notebook",
        "xla/notebook",
        "function/resident/control",
    ]


def test_the_reference_and_its_control_stay_in():
    assert names("xla/*") == ["function/resident", "xla/resident", "xla/notebook", "function/resident/control"]
    assert names("eager/resident", "xla/notebook")[0] == "eager/resident"


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(UsageError, match=r"Did you mean xla/resident"):
        names("xla/residence")
    with pytest.raises(UsageError, match=r"Known: modes, pipelines, memory, batch"):
        select(Choice(("zebra",)))


def of_memory(*only, chosen=(), fraction=None):
    return [case.name for case in select(Choice(("memory",), only, axes.chosen((), chosen, fraction)))]


def test_memory_runs_four_policies_and_what_there_is_without_a_gpu():
    assert of_memory() == [
        "default/function",
        "growth/function",
        "fraction-0.9/function",
        "growth+fraction-0.9/function",
        "host/eager",
        "host/function",
        "host/xla",
        "growth/function/control",
        "host/function/control",
    ]
    assert len([name for name in of_memory("*") if not name.startswith("host/") and "control" not in name]) == 5 * 2


def test_policies_and_their_share_can_be_chosen():
    assert of_memory("*/xla", chosen=["async"]) == [
        "growth/function",
        "async/xla",
        "host/function",
        "host/xla",
        "growth/function/control",
        "host/function/control",
    ]
    assert "fraction-0.5/function" in of_memory(fraction=0.5)
    assert "fraction-0.5/function" in of_memory(chosen=["fraction"], fraction=0.5)
    assert "growth+fraction-0.25/function" in of_memory(chosen=["growth+fraction-0.25"])


def test_the_reference_is_growth_on_a_gpu_and_the_host_without_one():
    selected = select(Choice(("memory",)))
    assert reference(selected).name == "growth/function"
    assert reference([case for case in selected if case.memory == "host"]).name == "host/function"


@pytest.mark.parametrize(
    ("chosen", "experiments", "able"),
    [
        pytest.param({"memory": ("growth",)}, ("modes",), "memory", id="a policy"),
        pytest.param({"batch_size": (64,)}, ("modes", "memory"), "batch", id="a size"),
        pytest.param({"pipeline": ("notebook",)}, ("batch",), "modes or pipelines", id="a pipeline"),
    ],
)
def test_an_axis_goes_with_an_experiment_that_varies_it(chosen, experiments, able):
    with pytest.raises(UsageError, match=f"no experiment chosen varies it. It goes with --experiment {able}"):
        selection.select(Choice(experiments, axes=chosen))


def test_values_of_an_axis_take_the_place_of_an_experiments_own():
    def names(experiment, **chosen):
        return [case.name for case in select(Choice((experiment,), axes=chosen)) if not case.control]

    assert names("modes", mode=("xla",)) == ["function/resident", "xla/resident", "xla/notebook"]
    with pytest.raises(UsageError, match="mode=xla-loop: only --experiment roofline measures it"):
        names("modes", mode=("xla-loop",))
    assert names("roofline", mode=("xla-loop",)) == ["function", "xla-loop"]
    assert names("modes", mode=("eager-fused",), pipeline=("resident",)) == [
        "function/resident",
        "eager-fused/resident",
    ]
    assert names("memory", mode=("xla",), memory=("async",)) == [
        "growth/function",
        "async/xla",
        "host/xla",
        "host/function",
    ]
    assert names("pipelines", pipeline=("vectorised",)) == [
        "function/resident",
        "function/vectorised",
        "xla/vectorised",
    ]
    assert names("batch", batch_size=(8,), mode=("xla",)) == ["function/64", "xla/8", "xla/64"]
    assert names("roofline", mode=("keras-fit",)) == ["function", "keras-fit"]
    everything = [case.name for case in select(Choice(("pipelines",), axes={"mode": ("xla",)}, brief=True))]
    assert len(everything) == 1 + 8 + 1


def test_an_unknown_value_comes_with_the_nearest():
    with pytest.raises(UsageError, match=r"--axis mode: no mode 'xlaa'\. Did you mean xla"):
        select(Choice(("modes",), axes={"mode": ("xlaa",)}))
    with pytest.raises(UsageError, match="No memory policy 'grow'"):
        select(Choice(("memory",), axes={"memory": ("grow",)}))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param({}, ("modes", "pipelines", "memory"), id="none"),
        pytest.param({"memory": ("async",)}, ("memory",), id="a policy"),
        pytest.param({"batch_size": (8,)}, ("batch",), id="sizes, which quick has not"),
        pytest.param({"mode": ("xla",)}, ("modes", "pipelines", "memory"), id="a mode"),
        pytest.param({"pipeline": ("prefetch-1",), "mode": ("xla",)}, ("modes", "pipelines"), id="two together"),
        pytest.param({"memory": ("async",), "batch_size": (8,)}, ("memory", "batch"), id="two apart"),
    ],
)
def test_without_a_name_those_are_measured_that_vary_what_was_chosen(chosen, expected):
    assert experiments_about(chosen, "quick") == expected


def test_side_by_side_it_is_the_first_of_them():
    assert experiments_about({"pipeline": ("notebook",)}, "quick", side_by_side=True) == ("modes",)
    apart = {"pipeline": ("notebook",), "batch_size": (64,)}
    assert experiments_about(apart, "quick", side_by_side=True) == ("modes", "batch")


def test_pipelines_are_eight_under_two_modes():
    found = [case.name for case in select(Choice(("pipelines",)))]
    assert len(found) == 2 * 8 + 1
    assert found[0] == reference(select(Choice(("pipelines",)))).name == "function/resident"


def test_quick_takes_four_pipelines():
    found = [case.name for case in select(Choice(("pipelines",), brief=True))]
    names = ("resident", "no-prefetch", "prefetch-1", "prefetch-auto", "resident/control")
    assert found == [f"function/{name}" for name in names]
    assert len(select(Choice(("pipelines",), ("*",), brief=True))) == 17
    assert select(Choice(("modes",), brief=True)) == select(Choice(("modes",)))


def test_batch_sizes_can_be_chosen_and_the_notebooks_stays():
    def names(*sizes):
        return [case.name for case in select(Choice(("batch",), axes={"batch_size": sizes} if sizes else {}))]

    assert names() == [f"{mode}/{size}" for mode in ("function", "xla") for size in batch_sizes.CPU_SIZES] + [
        "function/64/control"
    ]
    assert names(8) == ["function/8", "function/64", "xla/8", "xla/64", "function/64/control"]
    assert reference(select(Choice(("batch",)))).name == "function/64"


@pytest.mark.parametrize("sizes", [(0,), (64, 2**20)])
def test_batch_sizes_out_of_range(sizes):
    with pytest.raises(UsageError, match="a batch has 1 to 262,144 examples"):
        select(Choice(("batch",), axes={"batch_size": sizes}))


def test_axes_are_named_with_values_and_commas():
    assert axes.chosen(["batch_size=16, 64,1024", "batch-size=8,64"], sizes="4") == {"batch_size": (16, 64, 1024, 8, 4)}
    assert axes.chosen(["memory=fraction,growth", "mode=xla"], fraction=0.5) == {
        "memory": ("fraction-0.5", "growth"),
        "mode": ("xla",),
    }
    for text in ("batch_size=", "batch_size=16;64", "batch_size=-4", "batch_size=1e3", "batch_size=\u0663"):
        with pytest.raises(UsageError, match="commas"):
            axes.chosen([text])
    for text in ("zebra=1", "xla", "=", ""):
        with pytest.raises(UsageError, match="NAME=VALUE"):
            axes.chosen([text])


@pytest.mark.parametrize(
    ("gibibytes", "largest"),
    [
        (1, 4_096),
        (8, 65_536),
        (16, 65_536),
        (24, 262_144),
        (80, 262_144),
    ],
)
def test_a_gpu_gets_batches_as_large_as_its_memory_allows(gibibytes, largest):
    (sizes,) = EXPERIMENTS["batch"].fit({}, Room(gibibytes * 2**30, 1, on_gpu=True)).values()
    assert max(sizes) == largest
    assert set(batch_sizes.CPU_SIZES) <= set(sizes)
    assert all(after == 4 * before for before, after in itertools.pairwise(sizes))


@pytest.mark.parametrize(
    ("experiment", "chosen", "gpu", "expected"),
    [
        pytest.param("batch", {}, "0", batch_sizes.GPU_SIZES[:-1], id="a GPU with 16 GiB of which some are used"),
        pytest.param("batch", {}, None, None, id="a CPU has the usual ones"),
        pytest.param("batch", {"batch_size": (8,)}, "0", (8,), id="those that were asked for"),
        pytest.param("modes", {}, "0", None, id="another experiment"),
    ],
)
def test_a_run_chooses_batches_by_the_device_unless_they_are_named(experiment, chosen, gpu, expected):
    memory = GpuMemory(total=16 * 2**30, used=400 * 2**20)
    device = DeviceChoice("gpu" if gpu else "cpu", "", {}, "", (gpu,) if gpu else ())
    room = room_of(device, SimpleNamespace(memory=lambda: (memory, None), compute_capability=lambda: (8, 0)))
    assert selection.fitted(chosen, [experiment], room)[experiment].get("batch_size") == expected


FLAG = "XLA_FLAGS=--a=1"


def under_flag(*only):
    chosen = {"environment": ("default", FLAG)}
    return [case.name for case in select(Choice(("modes",), only, chosen))]


def test_every_case_comes_under_other_variables_too_and_the_reference_stays_under_the_usual_ones():
    assert under_flag("xla/resident") == [
        "function/resident",
        "xla/resident",
        f"xla/resident/{FLAG}",
        "function/resident/control",
    ]
    assert under_flag(f"xla/resident/{FLAG}")[1:-1] == [f"xla/resident/{FLAG}"]
    assert len(under_flag()) == 2 * 6 + 1


def test_the_usual_variables_need_not_be_named():
    chosen = {"environment": (FLAG,)}
    assert [case.name for case in select(Choice(("modes",), ("xla/resident",), chosen))] == under_flag("xla/resident")


def test_an_environment_does_not_choose_the_experiment():
    assert experiments_about({"environment": (FLAG,)}, "quick") == experiments_about({}, "quick")
    assert experiments_about({"environment": (FLAG,), "batch_size": (8,)}, "quick") == ("batch",)


def test_an_unfit_environment_is_refused_before_anything_is_started():
    with pytest.raises(UsageError, match="CUDA_VISIBLE_DEVICES cannot be varied here"):
        select(Choice(("modes",), (), {"environment": ("CUDA_VISIBLE_DEVICES=1",)}))


def test_a_mode_that_two_experiments_have_is_measured_by_each():
    for name in ("roofline", "frameworks"):
        assert any(case.mode == "xla-loop-fused" for case in select(Choice((name,), (), {"mode": ("xla-loop-fused",)})))
    with pytest.raises(UsageError, match="only --experiment roofline or frameworks measures it"):
        select(Choice(("modes",), (), {"mode": ("xla-loop-fused",)}))
