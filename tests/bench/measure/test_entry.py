"""Which cases are measured on which side, and what belongs together."""

import msgspec
import pytest

from bench.experiments import selection
from bench.experiments.base import cases_of
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.selection import Choice
from bench.measure import entry
from bench.measure.entry import BASE, NEW, Entry, ServerKey
from bench.plan.case import under

SELECTED = selection.select(Choice(("modes",), only=("xla/resident",)))["modes"]


def test_alone_every_case_is_on_one_side_and_judged_against_the_reference():
    entries = entry.of(SELECTED, side_by_side=False)
    assert [e.name for e in entries.all] == ["function/resident", "xla/resident", "function/resident/control"]
    assert {e.server for e in entries.all} == {ServerKey(NEW)}
    (judged,) = entries.judged()
    assert judged.case.name == "xla/resident"
    assert entries.partner(judged) == entries.reference
    assert [entries.is_fixed(e) for e in entries.all] == [True, False, True]
    assert entries.together(judged) == (judged,)


def test_with_the_reference_alone_its_control_is_judged():
    entries = entry.of(selection.select(Choice(("modes",), only=("function/resident",)))["modes"], side_by_side=False)
    assert [e.case.control for e in entries.judged()] == [True]


def test_side_by_side_each_case_has_a_counterpart_and_the_control_a_server_of_its_own():
    entries = entry.of(SELECTED, side_by_side=True)
    names = [e.name for e in entries.all]
    assert names == [
        "function/resident",
        "xla/resident",
        "base:function/resident",
        "base:xla/resident",
        "base:function/resident/control",
    ]
    new, base = ServerKey(NEW), ServerKey(BASE)
    assert [e.server for e in entries.all] == [new, new, base, base, ServerKey(BASE, control=True)]
    xla = entries.all[1]
    assert entries.partner(xla) == Entry(xla.case, BASE)
    assert entries.together(xla) == (xla, Entry(xla.case, BASE))
    assert [e.side for e in entries.judged()] == [NEW, NEW]
    assert sum(entries.is_fixed(e) for e in entries.all) == 3


@pytest.mark.parametrize("side", [NEW, BASE])
def test_the_reference_of_a_side_is_on_that_side(side):
    entries = entry.of(SELECTED, side_by_side=True)
    assert entries.reference_of(side) == Entry(entries.reference.case, side)


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("most", [1, 4, 6, 8, 16])
def test_groups_hold_everything_once_and_what_is_fixed_always(side_by_side, most):
    entries = entry.of(selection.select(Choice(("modes",)))["modes"], side_by_side)
    fixed = {e for e in entries.all if entries.is_fixed(e)}
    groups = entries.groups(entries.all, most)
    unit = 2 if side_by_side else 1
    for group in groups:
        assert fixed <= set(group)
        assert len(group) <= max(most, len(fixed) + unit)  # with too little room for one more, one more all the same
        for e in group:
            assert set(entries.together(e)) <= set(group)
    others = [e for group in groups for e in group if e not in fixed]
    assert sorted(others, key=str) == sorted(set(entries.all) - fixed, key=str)
    if len(entries.all) <= most:
        assert groups == [list(entries.all)]


def test_each_rank_of_a_case_counts():
    """They are processes too, and are never stopped."""
    cases = cases_of(EXPERIMENTS["scaling"], {"devices": (4,), "mode": ("function",)})
    entries = entry.of(cases, side_by_side=False)
    for group in entries.groups(entries.all, 8):
        assert sum(e.case.devices if e.case.strategy == "multi-worker" else 1 for e in group) <= 8


def test_what_is_read_while_a_framework_loads_has_a_server_of_its_own_and_what_is_read_later_a_worker():
    case = SELECTED[0]
    late = under(case, "XLA_FLAGS=--xla_cpu_multi_thread_eigen=false TF_XLA_FLAGS=--tf_xla_max_cluster_size=1")
    early = under(case, "XLA_FLAGS=--xla_cpu_multi_thread_eigen=false OMP_NUM_THREADS=1")
    assert Entry(late).server == Entry(case).server == ServerKey(NEW)
    assert Entry(early).server == ServerKey(NEW, environment=early.environment)
    assert [Entry(case).server.is_plain, Entry(early).server.is_plain] == [True, False]


def test_another_framework_has_a_server_of_its_own_on_each_side():
    case = msgspec.structs.replace(SELECTED[0], framework="jax", mode="jit")
    assert [Entry(case, side).server for side in (NEW, BASE)] == [ServerKey(NEW, "jax"), ServerKey(BASE, "jax")]
    assert not Entry(case).server.is_plain
