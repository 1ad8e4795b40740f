"""Samples and their sizes, on a clock that the test turns by hand."""

import pytest

from bench.backends import clock
from bench.backends.clock import SampleRules


class Machine:
    """Steps queue for `step` seconds each; a synchronisation waits for the queue, and costs `sync` seconds."""

    def __init__(self, step=0.001, sync=0.0):
        self.step_seconds, self.sync_seconds = step, sync
        self.time, self.queued, self.batches, self.syncs = 0.0, 0.0, 0, 0

    def now(self):
        return self.time

    def next_batch(self):
        self.batches += 1
        return self.batches

    def step(self, batch):
        self.queued += self.step_seconds
        return batch

    def synchronise(self, loss):
        assert loss == self.batches, "waits for the last step, not for an earlier one"
        self.time += self.queued + self.sync_seconds
        self.queued = 0.0
        self.syncs += 1


def test_a_sample_times_its_steps_and_one_synchronisation():
    machine = Machine(step=0.002, sync=0.01)
    seconds = clock.time_sample(machine.step, machine.next_batch, machine.synchronise, 10, 4, machine.now)
    assert seconds == pytest.approx(10 * 0.002 + 0.01)
    assert (machine.batches, machine.syncs) == (14, 2)


def test_latency_synchronises_every_step_and_ends_at_either_bound():
    machine = Machine(step=0.5, sync=0.1)
    durations = clock.time_each(machine.step, machine.next_batch, machine.synchronise, 3, 100, machine.now)
    assert durations == pytest.approx([0.6, 0.6, 0.6])
    assert len(clock.time_each(machine.step, machine.next_batch, machine.synchronise, 100, 3, machine.now)) == 5


RULES = SampleRules(target_seconds=0.020, least_steps=3, warmup_seconds=0.010)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0.001, (20, 10)),
        (0.0007, (29, 14)),
        (0.036, (3, 2)),  # never fewer than the least
        (2.0, (3, 2)),
        (0.000001, (20_000, 10_000)),
    ],
)
def test_a_sample_is_as_long_as_asked(step, expected):
    assert clock.choose_steps(lambda count: count * step, RULES) == expected


def test_a_queue_that_fills_makes_samples_longer():
    rules = SampleRules(target_seconds=0.1, least_steps=200, warmup_seconds=0.05, linearity=0.02)
    fixed = 0.01  # seconds that a sample takes whatever its steps

    def time_steps(count):
        return fixed + count * 0.0005

    steps, warmup_steps = clock.choose_steps(time_steps, rules)
    assert time_steps(2 * steps) / time_steps(steps) / 2 == pytest.approx(1, abs=0.02)
    assert abs(time_steps(steps) / time_steps(steps // 2) / 2 - 1) > 0.02  # half as many would not have done
    assert warmup_steps >= 60


def test_doubling_ends_where_the_machine_is_never_linear():
    rules = SampleRules(target_seconds=0.1, least_steps=200, warmup_seconds=0.05, linearity=0.02)
    steps, _ = clock.choose_steps(lambda count: 0.001 * count**0.5 * 20, rules)
    assert steps < 10_000


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0.015, 17),  # a quarter of a second; two hundred would be three
        (0.0008, 200),
        (0.00025, 400),  # a tenth of a second
        (0.00005, 2_000),
        (2.0, 3),
    ],
)
def test_on_a_gpu_a_sample_has_as_many_steps_as_outweigh_its_queue(step, expected):
    assert clock.choose_steps(lambda count: count * step, clock.GPU_RULES)[0] == expected


def test_choosing_the_size_of_a_sample_of_slow_steps_does_not_take_longer_than_some_samples():
    counts = []

    def time_steps(count):
        counts.append(count)
        return count * 0.015

    steps, _ = clock.choose_steps(time_steps, clock.GPU_RULES)
    assert sum(counts) <= 2 * steps
