"""The committed JSON Schema: made from the types, and agreed with by another validator."""

import json
from pathlib import Path

import jsonschema
import pytest

from bench.results import json_schema
from bench.results.upgrade import upgrade

COMMITTED = Path(__file__).parents[3] / "docs" / "result.schema.json"


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(COMMITTED.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def tree(finished):
    return json.loads((finished[0].folder / "result.json").read_text())


def test_it_is_the_one_of_the_types():
    assert COMMITTED.read_text() == json_schema.text(), "python -m bench.results.json_schema > docs/result.schema.json"


def test_it_accepts_what_the_suite_writes(validator, tree):
    validator.validate(tree)
    tree = json.loads((Path(__file__).parent / "golden" / "version-1.json").read_text())
    validator.validate(upgrade(tree))


@pytest.mark.parametrize("change", ["missing", "type", "verdict"])
def test_it_refuses_what_the_suite_refuses(validator, tree, change):
    if change == "missing":
        del tree["autoencoder_bench"]["plan"]["seed"]
    elif change == "type":
        tree["benchmarks"][0]["stats"]["data"][0] = "fast"
    else:
        tree["autoencoder_bench"]["status"] = "splendid"
    assert not validator.is_valid(tree)
