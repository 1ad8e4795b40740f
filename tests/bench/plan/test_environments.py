"""Environments: how they are written, which are refused, and how a case is named under one."""

import pytest

from bench.errors import UsageError
from bench.plan import environments
from bench.plan.case import Case, parse_axis, under, write_axis


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("default", {}),
        ("TF_ENABLE_ONEDNN_OPTS=0", {"TF_ENABLE_ONEDNN_OPTS": "0"}),
        ("XLA_FLAGS=--a=1,2", {"XLA_FLAGS": "--a=1,2"}),
        ("XLA_FLAGS='--a=1 --b=2' OMP_NUM_THREADS=1", {"XLA_FLAGS": "--a=1 --b=2", "OMP_NUM_THREADS": "1"}),
        ("XLA_FLAGS=", {"XLA_FLAGS": ""}),
    ],
    ids=["usual", "one", "commas", "several", "empty"],
)
def test_variables_are_read_as_a_shell_reads_them(text, variables):
    assert environments.parse(text) == variables


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("XLA_FLAGS", "it is NAME=VALUE"),
        ("--xla_flag=1", "it is NAME=VALUE"),
        ("A='open", "No closing quotation"),
        ("A=\x1b[31m", "printable ASCII"),
        ("A=\u202eb", "printable ASCII"),
        ("A=" + 200 * "b", "at most 200"),
        ("PYTHONPATH=/tmp", "decides which code"),
        ("CUDA_VISIBLE_DEVICES=1", "--gpu"),
        ("TF_GPU_ALLOCATOR=cuda_malloc_async", "--axis memory=async"),
        ("", "it is NAME=VALUE"),
    ],
    ids=["no-value", "flag", "quote", "escape", "direction", "long", "python", "gpu", "allocator", "nothing"],
)
def test_what_is_no_environment_is_refused_with_the_remedy(text, said):
    with pytest.raises(UsageError, match=said):
        environments.parse(text)


def test_several_are_parted_by_semicolons_since_values_hold_commas():
    text = "environment=default;XLA_FLAGS=--a=1,2; OMP_NUM_THREADS=1"
    axis, values = parse_axis(text)
    assert (axis, values) == ("environment", ("default", "XLA_FLAGS=--a=1,2", "OMP_NUM_THREADS=1"))
    assert parse_axis(write_axis(axis, values)) == (axis, values)


def test_a_case_is_named_by_its_environment_only_where_it_has_another():
    case = Case(experiment="modes", mode="xla")
    other = under(case, "XLA_FLAGS=--a=1")
    assert other.name == "xla/resident/XLA_FLAGS=--a=1"
    assert under(other, "default") == case


def test_a_file_is_named_by_letters_that_every_file_system_takes():
    case = Case(experiment="modes", mode="xla")
    assert case.file_name == "modes-xla-resident"
    names = {under(case, text).file_name for text in ("A=/tmp/b", "A=?tmp?b", f"A={150 * 'b'}", f"A={151 * 'b'}")}
    assert len(names) == 4
    assert all(len(name) < 140 and not set(name) & set("/?'\" ") for name in names)


def test_no_case_is_named_by_its_environment_alone():
    """As a file may have it: without the environment it would have no name."""
    with pytest.raises(ValueError, match="not by environment alone"):
        Case(experiment="modes", axes=("environment",), environment="A=1")
