"""Comparisons for machines: JSON that says everything, CSV that a spreadsheet opens safely."""

import csv
import io
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate

from bench.compare import export, stored_run
from bench.compare.compare import compare
from bench.compare.records import Comparison
from bench.errors import ExitCode


@pytest.fixture
def found():
    base, new = (document(simulate(np.random.default_rng(seed)), label=f"run-{seed}") for seed in (1, 2))
    return compare(*(stored_run.of_document(Path(f"{i}/result.json"), each) for i, each in enumerate((base, new))))


def test_json_says_everything(found):
    tree = json.loads(export.to_json([found], ExitCode.REGRESSION))
    assert tree["exit_code"] == 3
    assert msgspec.convert(tree["comparisons"], list[Comparison]) == [found]


def test_csv_has_a_line_for_each_metric_of_each_case(found):
    rows = list(csv.DictReader(io.StringIO(export.to_csv([found]))))
    assert len(rows) == 4 * len(found.cases)
    for row, case in zip(rows[::4], found.cases, strict=True):
        assert (row["case"], row["metric"], row["verdict"]) == (case.name, "speed", case.verdict)
        assert float(row["low"]) < float(row["ratio"]) < float(row["high"])


def test_csv_has_a_line_for_a_case_that_is_missing(found):
    gone = msgspec.structs.replace(
        found.cases[0], state="missing", speed=None, relative=None, first_call=None, memory=None
    )
    rows = list(csv.DictReader(io.StringIO(export.to_csv([msgspec.structs.replace(found, cases=(gone,))]))))
    assert [(row["state"], row["ratio"]) for row in rows] == [("missing", "")]


@pytest.mark.parametrize("label", ["=1+1", "+cmd", "-x", "@sum"])
def test_a_spreadsheet_takes_no_name_for_a_formula(found, label):
    info = msgspec.structs.replace(found.base, label=label)
    text = export.to_csv([msgspec.structs.replace(found, base=info)])
    assert {row["base"] for row in csv.DictReader(io.StringIO(text))} == {f"'{label}"}
