"""How much is measured: presets, and how several experiments share one."""

from collections.abc import Iterable, Sequence

import msgspec

USUAL_PROFILE_STEPS = 20


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured. Times in seconds, the rest are counts."""

    name: str
    summary: str
    looks: tuple[
        int, ...
    ]  # numbers of repetitions after which the intervals are looked at; the last is the most there are
    target_half_width: float  # of the ratio to the reference, or of the two sides, relative
    seconds: float  # no further repetition begins that would end after this long, once the first look is done
    first_rounds_seconds: (
        float  # that the rounds of a repetition should take before the first look says how many are best
    )
    least_rounds: int  # samples of each case in a repetition: with twenty it can be told whether it is warm
    most_rounds: int
    warmup_rounds: int = 3  # rounds before those, not recorded
    # No further round of a repetition begins after this long, or three times as long while there are fewer than the
    # least.
    rounds_seconds: float
    latency_steps: int = 1_000
    latency_seconds: float  # the latency pass of a case ends after this long
    sustained_seconds: float = 3.0  # of steps without a break, for power and energy, where those can be read
    profile_steps: int = USUAL_PROFILE_STEPS
    training_steps: int  # of the training run behind the loss curve and the reconstructions


BRIEF_PRESET = "quick"

FEWEST_REPETITIONS = 3  # where several experiments share the time: fewer have no interval (bench/stats/inference.py)
# Seconds that several of them may take together; a preset that is not here gives each what it gives one.
TOGETHER_SECONDS = {"standard": 840.0, "thorough": 2_700.0}

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="quick",
            summary="4 repetitions, for intervals of about 5%: one experiment in two minutes, these in about four",
            looks=(4,),
            target_half_width=0.05,
            seconds=110.0,
            first_rounds_seconds=9.0,
            least_rounds=20,
            most_rounds=60,
            rounds_seconds=13.0,
            latency_seconds=1.5,
            training_steps=1_000,
        ),
        Preset(
            name="standard",
            summary="3 to 16 repetitions, until intervals are within 2%: one experiment in five minutes, all in 15",
            looks=(3, 6, 12, 16),
            target_half_width=0.02,
            seconds=285.0,
            first_rounds_seconds=8.0,
            least_rounds=20,
            most_rounds=200,
            rounds_seconds=38.0,
            latency_seconds=2.0,
            training_steps=2_000,
        ),
        Preset(
            name="thorough",
            summary="3 to 16 repetitions, until intervals are within 1%: one experiment in 15 minutes, all in 45",
            looks=(3, 6, 12, 16),
            target_half_width=0.01,
            seconds=880.0,
            first_rounds_seconds=15.0,
            least_rounds=20,
            most_rounds=200,
            rounds_seconds=60.0,
            latency_seconds=20.0,
            training_steps=5_000,
        ),
    )
}


# Where no experiment is named, on two cores.
USUALLY_TAKES = {"quick": "4 min", "standard": "15 min", "thorough": "45 min"}

# Of `bench profile`, which is about a trace: just enough samples to see what the profiler costs.
PROFILE = Preset(
    name="profile",
    summary="1 repetition, without intervals, beside a long trace",
    looks=(1,),
    target_half_width=0.05,
    seconds=30.0,
    first_rounds_seconds=3.0,
    least_rounds=20,
    most_rounds=60,
    rounds_seconds=6.0,
    latency_seconds=0.5,
    training_steps=100,
)


def longer_than(names: Iterable[str | None]) -> Preset | None:
    """The next preset after the longest of these; None where there is none, or none of them is known."""
    order = list(PRESETS)
    had = max((order.index(name) for name in names if name in order), default=len(order))
    return PRESETS[order[had + 1]] if had + 1 < len(order) else None


def shared_out(preset: Preset, experiments: Sequence[str]) -> dict[str, Preset]:
    """How much of each of these experiments is measured: one alone has all that the preset allows.

    Several share its time. Where the number of repetitions is fixed, the first has as many as alone, and the others as
    few as have an interval.
    """
    if len(experiments) == 1:
        return {experiments[0]: preset}
    if len(preset.looks) > 1:
        seconds = min(preset.seconds, TOGETHER_SECONDS.get(preset.name, preset.seconds) / len(experiments))
        return {name: msgspec.structs.replace(preset, seconds=seconds) for name in experiments}
    fewer = msgspec.structs.replace(
        preset,
        looks=(min(FEWEST_REPETITIONS, preset.looks[0]),),
        first_rounds_seconds=preset.first_rounds_seconds / 2,
        rounds_seconds=preset.rounds_seconds / 2,
        latency_seconds=preset.latency_seconds / 2,
    )
    return {name: fewer if i else preset for i, name in enumerate(experiments)}
