"""Cases, presets and how they are picked."""

import pytest

from bench import cases
from bench.errors import UsageError


def names(*only):
    return [case.name for case in cases.select("modes", only)]


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
    with pytest.raises(UsageError, match=r"Known: modes"):
        cases.select("zebra")


def test_presets_are_what_they_promise():
    quick, standard, thorough = (cases.PRESETS[name] for name in ("quick", "standard", "thorough"))
    assert quick.looks == (4,)
    assert standard.looks == thorough.looks == (3, 6, 12, 16)
    assert [preset.target_half_width for preset in (quick, standard, thorough)] == [0.05, 0.02, 0.01]
    # With about 12 s a cohort for servers and first calls, and 20 s for the passes apart, as measured on 2 cores.
    assert quick.looks[-1] * (quick.rounds_seconds + 12) + 20 <= 120
    assert standard.seconds <= 300
    assert thorough.seconds <= 900
