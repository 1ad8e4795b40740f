"""Presets: what they promise, what they measure, and how several experiments share one."""

from bench.experiments.registry import EXPERIMENTS, usual_experiments
from bench.plan.preset import PRESETS, shared_out


def test_presets_are_what_they_promise():
    quick, standard, thorough = (PRESETS[name] for name in ("quick", "standard", "thorough"))
    assert quick.looks == (4,)
    assert standard.looks == thorough.looks == (3, 6, 12, 16)
    assert [preset.target_half_width for preset in (quick, standard, thorough)] == [0.05, 0.02, 0.01]
    # With about 12 s a repetition for servers and first calls, and 20 s for the passes apart, as measured on 2 cores.
    assert quick.looks[-1] * (quick.rounds_seconds + 12) + 20 <= 120
    assert standard.seconds <= 300
    assert thorough.seconds <= 900


def test_what_a_preset_measures_where_nothing_is_named():
    assert usual_experiments("quick") == ("modes", "pipelines", "memory")
    usual = ("modes", "pipelines", "memory", "batch", "roofline")
    assert usual_experiments("standard") == usual_experiments("thorough") == usual
    # The others open ports, need what is installed apart, or train for long: only who names them gets them.
    assert set(EXPERIMENTS) - set(usual) == {"scaling", "precision", "frameworks"}
    assert usual_experiments("standard", side_by_side=True) == ("modes",)


def test_several_experiments_share_the_time_of_a_preset():
    for preset in PRESETS.values():
        assert shared_out(preset, ("batch",)) == {"batch": preset}
    quick = shared_out(PRESETS["quick"], ("modes", "memory"))
    assert quick["modes"] == PRESETS["quick"]
    assert (quick["memory"].looks, quick["memory"].rounds_seconds) == ((3,), 6.5)
    standard = shared_out(PRESETS["standard"], tuple(EXPERIMENTS))
    assert sum(preset.seconds for preset in standard.values()) == 840.0
    two = shared_out(PRESETS["standard"], ("modes", "memory"))
    assert {preset.seconds for preset in two.values()} == {285.0}  # none has more than alone
