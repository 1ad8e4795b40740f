"""A view that listens, and a preset of a few seconds."""

from bench.plan.preset import Preset


class Listener:
    """A view that keeps what it is told."""

    def __init__(self):
        self.lines, self.stages, self.fractions = [], [], []

    def say(self, text):
        self.lines.append(text)

    def stage(self, text, fraction):
        self.stages.append(text)
        self.fractions.append(fraction)

    milestone = stage

    def figures(self, document):
        pass

    def advance(self, text, fraction):
        self.fractions.append(fraction)


TINY = Preset(
    name="tiny",
    summary="three repetitions of four samples, for tests",
    looks=(3,),
    target_half_width=0.05,
    seconds=300.0,
    first_rounds_seconds=1.0,
    least_rounds=4,
    most_rounds=4,
    warmup_rounds=1,
    rounds_seconds=60.0,
    latency_steps=30,
    latency_seconds=20.0,
    profile_steps=5,
    training_steps=120,
)
