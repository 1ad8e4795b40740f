"""Cases, presets and how they are picked."""

import pytest

from bench import cases
from bench.cases import Choice
from bench.errors import UsageError


def test_several_experiments_share_globs_and_each_keeps_its_reference():
    found = cases.select(Choice(("modes", "batch", "ceiling"), only=("xla/*",)))
    assert list(found) == ["modes", "batch"]  # the ceiling has no such case
    for chosen in found.values():
        assert cases.reference(chosen) in chosen
        assert any(case.twin for case in chosen)
    with pytest.raises(UsageError, match="No case of modes, batch matches"):
        cases.select(Choice(("modes", "batch"), only=("zebra",)))
    names = [case.full_name for chosen in cases.select(Choice(tuple(cases.EXPERIMENTS))).values() for case in chosen]
    assert len(set(names)) == len(names)


def test_what_a_preset_measures_where_nothing_is_named():
    assert cases.usual_experiments("quick") == ("modes", "pipelines", "memory")
    assert cases.usual_experiments("standard") == cases.usual_experiments("thorough") == tuple(cases.EXPERIMENTS)
    assert cases.usual_experiments("standard", side_by_side=True) == ("modes",)


def test_several_experiments_share_the_time_of_a_preset():
    for preset in cases.PRESETS.values():
        assert cases.shared_out(preset, ("batch",)) == {"batch": preset}
    quick = cases.shared_out(cases.PRESETS["quick"], ("modes", "memory"))
    assert quick["modes"] == cases.PRESETS["quick"]
    assert (quick["memory"].looks, quick["memory"].rounds_seconds) == ((3,), 6.5)
    standard = cases.shared_out(cases.PRESETS["standard"], tuple(cases.EXPERIMENTS))
    assert sum(preset.seconds for preset in standard.values()) == 840.0
    two = cases.shared_out(cases.PRESETS["standard"], ("modes", "memory"))
    assert {preset.seconds for preset in two.values()} == {285.0}  # none has more than alone


def select(choice):
    """The cases of the only experiment."""
    (found,) = cases.select(choice).values()
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
    assert cases.reference(selected).name == "growth/function"
    assert cases.reference([case for case in selected if case.memory == "host"]).name == "host/function"


@pytest.mark.parametrize("change", [{"memory": ("growth",)}, {"memory_fraction": 0.5}])
def test_policies_belong_to_the_experiment_memory(change):
    with pytest.raises(UsageError, match="--experiment memory"):
        select(Choice(("modes",), **change))


def test_pipelines_are_eight_under_two_modes():
    found = [case.name for case in select(Choice(("pipelines",)))]
    assert len(found) == 2 * 8 + 1
    assert found[0] == cases.reference(select(Choice(("pipelines",)))).name == "function/resident"


def test_quick_takes_four_pipelines():
    found = [case.name for case in select(Choice(("pipelines",), brief=True))]
    names = ("resident", "no-prefetch", "prefetch-1", "prefetch-auto", "resident/twin")
    assert found == [f"function/{name}" for name in names]
    assert len(select(Choice(("pipelines",), ("*",), brief=True))) == 17
    assert select(Choice(("modes",), brief=True)) == select(Choice(("modes",)))


def test_batch_sizes_can_be_chosen_and_the_notebooks_stays():
    def names(*sizes):
        return [case.name for case in select(Choice(("batch",), batch_sizes=sizes))]

    assert names() == [f"{mode}/{size}" for mode in ("function", "xla") for size in cases.BATCH_SIZES] + [
        "function/64/twin"
    ]
    assert names(8) == ["function/8", "function/64", "xla/8", "xla/64", "function/64/twin"]
    assert cases.reference(select(Choice(("batch",)))).name == "function/64"


@pytest.mark.parametrize(("experiment", "sizes"), [("batch", (0,)), ("batch", (64, 2**20)), ("modes", (64,))])
def test_batch_sizes_out_of_range_or_place(experiment, sizes):
    with pytest.raises(UsageError, match="--batch-sizes"):
        select(Choice((experiment,), batch_sizes=sizes))


def test_batch_sizes_are_a_list_with_commas():
    assert cases.parse_sizes("16, 64,1024") == (16, 64, 1024)
    for text in ("", "16;64", "-4", "1e3", "\u0663"):
        with pytest.raises(UsageError, match="commas"):
            cases.parse_sizes(text)


def test_presets_are_what_they_promise():
    quick, standard, thorough = (cases.PRESETS[name] for name in ("quick", "standard", "thorough"))
    assert quick.looks == (4,)
    assert standard.looks == thorough.looks == (3, 6, 12, 16)
    assert [preset.target_half_width for preset in (quick, standard, thorough)] == [0.05, 0.02, 0.01]
    # With about 12 s a cohort for servers and first calls, and 20 s for the passes apart, as measured on 2 cores.
    assert quick.looks[-1] * (quick.rounds_seconds + 12) + 20 <= 120
    assert standard.seconds <= 300
    assert thorough.seconds <= 900
