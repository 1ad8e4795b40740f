"""Whatever happens to a result file, reading it ends in a document or in one typed error, soon and in little memory."""

import copy
import json
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench.compare import export, policy, stored_run
from bench.compare import verdict_tables as shown
from bench.compare.compare import compare
from bench.errors import BenchError
from bench.results import files
from bench.results.schema import SCHEMA_VERSION
from bench.results.upgrade import upgrade

GOLDEN = (Path(__file__).parent / "golden" / "version-1.json").read_text()


def golden(name):
    """A golden file as a tree."""
    return json.loads((Path(__file__).parent / "golden" / f"{name}.json").read_text())


TREES = [golden("version-1"), golden("version-2"), upgrade(golden("version-2"))]
TREES[2]["autoencoder_bench"]["schema_version"] = SCHEMA_VERSION

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**400, max_value=10**401),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\x1b[31m", "=1+1", "a|b", "<script>", "\ud800", "1.0", "xla/resident"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


def places(tree, path=()):
    """All places in the tree, those of long lists by their first entries only."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree[:3]) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES = sorted({place for tree in TREES for place in places(tree)}, key=str)


def mutate(tree, place, action, value):
    parent = tree
    for key in place[:-1]:
        if not isinstance(parent, dict | list):
            return
        try:
            parent = parent[key]
        except (KeyError, IndexError, TypeError):
            return
    if not isinstance(parent, dict | list):
        return
    try:
        if action == "delete":
            del parent[place[-1]]
        elif action == "replace":
            parent[place[-1]] = value
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[place[-1]]))
    except (KeyError, IndexError, TypeError):
        return


def attempt(action):
    """What it returns, and what it refuses: nothing but an error of ours may end it."""
    try:
        return action(), None
    except BenchError as error:
        return None, str(error)


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["delete", "replace", "repeat"]), VALUES), min_size=1, max_size=3
)


@given(st.sampled_from(TREES), MUTATIONS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_document_is_read_and_compared_or_refused(tmp_path, sound, mutations):
    tree = copy.deepcopy(sound)
    for mutation in mutations:
        mutate(tree, *mutation)
    path = tmp_path / "mutated.json"
    path.write_text(json.dumps(tree))
    _, refusal = attempt(lambda: files.read_any(path))
    if refusal:
        assert str(path) in refusal
        assert len(refusal) < 1_000
        return
    (tmp_path / "golden.json").write_text(GOLDEN)
    found, refusal = attempt(lambda: compare(*stored_run.load_all([tmp_path / "golden.json", path])))
    if refusal:
        assert len(refusal) < 1_000
        return
    code = policy.exit_code([found], policy.USUAL)
    ended = list(policy.sentences([found], policy.USUAL, code))
    for text in (shown.markdown([found], ended), export.to_csv([found]), export.to_json([found], code, ended)):
        assert "\x1b" not in text


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf{}")
@example(b'{"autoencoder_bench": {"schema_version": "1.0"}}')
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path, raw):
    path = tmp_path / "raw.json"
    path.write_bytes(raw)
    document, refusal = attempt(lambda: files.read_any(path))
    assert (document is None) == (refusal is not None)
    assert refusal is None or str(path) in refusal


@given(st.integers(min_value=0, max_value=len(GOLDEN)))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_document_is_refused(tmp_path, length):
    path = tmp_path / "truncated.json"
    path.write_text(GOLDEN[:length])
    document, refusal = attempt(lambda: files.read_any(path))
    if length < len(GOLDEN.rstrip()):
        assert "not JSON" in refusal
    else:
        assert document is not None
