"""Result files: written whole, read with suspicion."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from support import patience

from bench.errors import ResultFileError
from bench.experiments.pipelines import input_alone
from bench.experiments.roofline import peaks, step_cost
from bench.results import files
from bench.results.schema import SCHEMA_VERSION


def alone():
    """The environment of a pytest that is no part of this one, which may be one of several."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}


@pytest.fixture
def tree(finished):
    return json.loads((finished[0].folder / "result.json").read_text())


def refused(tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ResultFileError) as caught:
        files.read(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read_again(finished, tmp_path):
    document = finished[0].document
    files.write(document, tmp_path / "copy.json")
    assert files.read(tmp_path / "copy.json") == document
    assert [path.name for path in tmp_path.iterdir()] == ["copy.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(finished, tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    path.write_text("old")

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write(finished[0].document, path)
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_place_in_the_document_is_named(tree, tmp_path):
    tree["benchmarks"][2]["stats"]["median"] = "fast"
    text = refused(tmp_path, tree)
    assert 'at $.benchmarks[2].stats.median: Expected `float`, got `str`, found "fast"' in text


def test_missing_keys_are_named(tree, tmp_path):
    del tree["autoencoder_bench"]["device"]
    assert "device" in refused(tmp_path, tree)


def test_samples_have_to_fit_the_processes(tree, tmp_path):
    tree["benchmarks"][0]["stats"]["data"].pop()
    assert "as many samples as the processes have rounds, 12, and one at least, found 11" in refused(tmp_path, tree)


@pytest.mark.parametrize("sample", [0, -1.0, 1e999])
def test_samples_have_to_be_positive_and_finite(tree, tmp_path, sample):
    tree["benchmarks"][1]["stats"]["data"][3] = sample
    refused(tmp_path, json.dumps(tree).replace("Infinity", "1e999").encode())


def test_an_unknown_major_version_is_refused_and_a_minor_one_read(tree, tmp_path):
    tree["autoencoder_bench"]["schema_version"] = "4.0"
    assert 'schema_version: expected 1.x or 2.x or 3.x, found "4.0"' in refused(tmp_path, tree)
    tree["autoencoder_bench"]["schema_version"] = "3.7"
    tree["autoencoder_bench"]["a_new_field"] = 1
    (tmp_path / "newer.json").write_text(json.dumps(tree))
    assert files.read(tmp_path / "newer.json").autoencoder_bench.schema_version == "3.7"


@pytest.mark.parametrize("version", ["2", "2.\u001b[2J", "1.\ud800", "2.0.1", "02x.1", 2.0, None])
def test_what_is_no_version_is_shown_harmlessly(tree, tmp_path, version):
    tree["autoencoder_bench"]["schema_version"] = version
    message = refused(tmp_path, tree)
    assert "schema_version: expected 1.x or 2.x or 3.x, found" in message
    assert message.isprintable()


def deep(levels):
    tree = 1
    for _ in range(levels):
        tree = {"a": tree}
    return tree


@pytest.mark.parametrize("levels", [400, 600, 900])
def test_an_older_file_that_is_nested_deeply_is_refused(tmp_path, levels):
    section = {"schema_version": "2.3", "experiments": [deep(levels)]}
    refused(tmp_path, {"benchmarks": [], "autoencoder_bench": section})


@pytest.mark.parametrize("part", ["seconds", "steps"])
def test_an_older_trace_with_a_number_beyond_all_is_refused(tmp_path, part):
    tree = json.loads((Path(__file__).parent / "golden" / "version-2.json").read_text())
    tree["autoencoder_bench"]["schema_version"] = "2.1"
    info = tree["benchmarks"][0]["extra_info"]
    info["block"]["steps_per_call"] = 2 * 10**400 if part == "steps" else 2
    info["profile"] = {"breakdown": {"split": {"a_seconds": 10**400 if part == "seconds" else 1.0}}}
    refused(tmp_path, tree)


def test_a_file_of_version_1_is_read_as_strictly(tmp_path):
    text = (Path(__file__).parent / "golden" / "version-1.json").read_text()
    assert "final_loss" in text
    refused(tmp_path, re.sub(r'"final_loss": [0-9.e-]+', '"final_loss": 1e400', text).encode())
    tree = json.loads(text)
    tree["autoencoder_bench"]["device"]["name"] = "\ud800"  # half a character
    refused(tmp_path, tree)


@pytest.mark.parametrize(
    "change", [{"plan": None}, {"plan": {"preset": 3}}, {"cases": 5}, {"warnings": [1]}, {"cohorts": None}]
)
def test_odd_files_of_version_1_are_refused_with_a_place(tmp_path, change):
    tree = json.loads((Path(__file__).parent / "golden" / "version-1.json").read_text())
    tree["autoencoder_bench"] |= change
    assert "at $" in refused(tmp_path, tree)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b'{"a": 1', "not JSON"),
        pytest.param(b"\xff", "not JSON", id="no text"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b"[" * 100_000, "nested too deeply"),
        pytest.param('{"a": 1}'.encode("utf-16"), "UTF-16 text: save it as UTF-8", id="UTF-16"),
        (b"[]", "expected an object at the top of the document, found a list of 0"),
        (b'{"benchmarks": []}', "missing required field"),
    ],
)
def test_rubbish_is_refused(tmp_path, content, message):
    assert message in refused(tmp_path, content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ResultFileError, match="No such file"):
        files.read(tmp_path / "none.json")


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for ever
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ResultFileError, match="not a file"):
            files.read(path)


def test_a_huge_file_is_not_read(tmp_path):
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)
    with pytest.raises(ResultFileError, match="larger than 16 MiB"):
        files.read(tmp_path / "huge.json")


def test_pytest_benchmark_compare_reads_our_files(finished, tmp_path):
    command = [Path(sys.executable).with_name("pytest-benchmark"), "compare", finished[0].folder / "result.json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, timeout=patience.limit(60), check=False
    )
    assert done.returncode == 0, done.stderr
    for benchmark in finished[0].document.benchmarks:
        assert benchmark.name in done.stdout


def test_the_golden_file_of_version_1_is_read_for_ever():
    document = files.read(Path(__file__).parent / "golden" / "version-1.json")
    assert document.autoencoder_bench.schema_version == "1.0"
    assert len(document.benchmarks) == 7
    assert document.experiment.stopping.reason == "fixed"


def test_the_golden_file_of_version_2_says_what_it_said():
    document = files.read(Path(__file__).parent / "golden" / "version-2.json")
    section = document.autoencoder_bench
    assert (section.schema_version, len(document.benchmarks)) == ("2.3", 5 + 3 + 3 + 6)
    assert [one.name for one in section.experiments] == ["pipelines", "memory", "batch", "roofline"]
    assert section.plan.command.endswith("--experiment pipelines --experiment roofline --seed 1")
    found = {benchmark.fullname: benchmark.extra_info for benchmark in document.benchmarks}
    alone = input_alone.read(found["pipelines/function/prefetch-1"].quantities)
    assert [(one.repetition, round(one.batches_per_second)) for one in alone] == [(1, 5000), (2, 5100), (3, 5050)]
    assert found["pipelines/function/prefetch-1"].figures["input_overhead_share"].value == pytest.approx(0.2, abs=0.02)
    assert found["pipelines/function/resident"].figures == {}
    assert found["memory/host/function"].case.axes == ("memory", "mode")
    assert found["batch/xla/256"].case.axes == ("mode", "batch_size")
    assert found["roofline/xla-loop-fused"].figures["roofline_share"].value == pytest.approx(0.8, abs=0.02)
    device = peaks.read(section.experiments[3].quantities)
    assert list(device) == [1, 2, 3]
    assert device[2].driver.kernel_launch_seconds == pytest.approx(2.2e-6)
    assert (device[2].driver.graph_kernels, device[2].driver.transfers[0].bytes) == (32, 2**26)
    assert device[2].transfers[0].seconds == pytest.approx(102e-6)
    assert device[2].matmul_flops_per_second.keys() == step_cost.PRODUCTS.keys()
    assert device[2].eager_parts.with_gradients_seconds == 4.5e-3


@pytest.mark.parametrize("version", [1, 2])
def test_what_was_read_from_an_older_version_is_written_in_the_present_one(tmp_path, version):
    document = files.read(Path(__file__).parent / "golden" / f"version-{version}.json")
    files.write(document, tmp_path / "again.json")
    again = files.read(tmp_path / "again.json")
    assert again.autoencoder_bench.schema_version == SCHEMA_VERSION
    section = msgspec.structs.replace(again.autoencoder_bench, schema_version=document.autoencoder_bench.schema_version)
    assert msgspec.structs.replace(again, autoencoder_bench=section) == document


def test_a_file_of_pytest_benchmark_itself_is_readable(tmp_path):
    """Written by the real plugin, in a project of another."""
    (tmp_path / "test_it.py").write_text("def test_sum(benchmark):\n    benchmark(sum, range(100))\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--benchmark-json=out.json",
        "test_it.py",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, timeout=patience.limit(120), check=False, env=alone()
    )
    assert done.returncode == 0, done.stdout
    document = files.read_any(tmp_path / "out.json")
    assert [benchmark.name for benchmark in document.benchmarks] == ["test_sum"]
    with pytest.raises(ResultFileError, match="not a result of this suite"):
        files.read(tmp_path / "out.json")


def test_what_was_found_is_shown_in_few_characters(tree, tmp_path):
    tree["autoencoder_bench"]["plan"]["seed"] = ["x" * 10_000] * 50
    assert "found a list of 50" in refused(tmp_path, tree)
    tree["autoencoder_bench"]["plan"]["seed"] = "x" * 10_000
    assert len(refused(tmp_path, tree)) < 400


HUGE = "1" + "0" * 5_000


@pytest.mark.parametrize("number", ["1e999", "-1e999", HUGE, f"{HUGE}.0"])
def test_numbers_that_no_float_holds_are_refused(tree, tmp_path, number):
    text = json.dumps(tree).replace(f'"seed": {tree["autoencoder_bench"]["plan"]["seed"]}', f'"seed": {number}')
    refused(tmp_path, text.encode())
    text = json.dumps(tree).replace('"total": ', f'"total": {number}, "was": ', 1)
    refused(tmp_path, text.encode())


@pytest.mark.parametrize("filling", ["{}", '{"a":1}', "[]", '"x"', "1.5"])
def test_the_largest_hostile_file_is_refused_in_bounded_memory(tmp_path, filling):
    """In a process that may take 2 GiB in all."""
    path = tmp_path / "hostile.json"
    count = (files.MOST_BYTES - 100) // (len(filling) + 1)
    path.write_text('{"autoencoder_bench": {"schema_version": "1.0"}, "x": [' + ",".join([filling] * count) + "]}")
    assert path.stat().st_size <= files.MOST_BYTES
    code = (
        "import resource, sys; from pathlib import Path; from bench.errors import ResultFileError\n"
        "from bench.results import files\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))\n"
        "try: files.read_any(Path(sys.argv[1]))\n"
        "except ResultFileError: sys.exit(2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, timeout=patience.limit(120), check=False
    )
    assert done.returncode == 2, done.stderr
