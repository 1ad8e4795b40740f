"""What the layout promises: which modules know experiments by name, and which import TensorFlow."""

import ast
import re
from pathlib import Path

from bench.experiments.base import cases_of
from bench.experiments.registry import EXPERIMENTS

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "bench").rglob("*.py"))
SPINE = [path for path in MODULES if not path.startswith("bench/experiments/")]

# Names that are plain words too, and other things' names: where the spine uses them so, with what they mean there.
WORDS = {
    "bench/commands/axes.py": {"memory": "the axis that --memory chooses values of"},
    "bench/compare/export.py": {"memory": "a column"},
    "bench/compare/verdict_tables.py": {"memory": "a column"},
    "bench/doctor/host.py": {"memory": "what is looked at"},
    "bench/doctor/tensorflow_runs.py": {"Measure the other modes: --only 'function/*'": "modes of a step"},
    "bench/machine/control_group.py": {"memory": "a controller of the kernel's"},
    "bench/machine/facts.py": {"memory": "a group of facts"},
    "bench/launch/worker.py": {"memory": "a kind of failure"},
    "bench/plan/case.py": {"precision": "an axis"},
    "bench/recording/build.py": {"memory": "an axis"},
    "bench/results/to_3.py": {
        "roofline": "what an experiment of older files is called now",
        "memory": "an axis, and a key of older files",
        "peaks": "what a key of older files is called now",
        "input_alone": "what a key of older files is called now",
    },
    "bench/results/upgrade.py": {"input_alone": "a key of older files"},
    "bench/run/job.py": {"memory": "a group of facts"},
    "bench/protocol/nsys_process.py": {"memory": "an axis"},
    "bench/worker/worker.py": {"memory": "a kind of failure"},
}


def imports(path):
    tree = ast.parse((ROOT / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def strings(source):
    """The texts of a module but its docstrings, which may tell of anything."""
    tree = ast.parse(source)
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
    ]


def names_in(source):
    """The texts that name an experiment, a case, a measurement or a section; of a plain word only the word alone."""
    experiments = EXPERIMENTS.values()
    cases = {case.name for one in experiments for case in cases_of(one) if "/" in case.name}
    sections = {section.title for one in experiments if (section := one.exhibit().section)}
    alone = {*EXPERIMENTS, *sections, *(measured.name for one in experiments for measured in one.measurements)}
    others = "|".join(EXPERIMENTS.keys() - {"memory", "batch", "precision"})
    within = re.compile(rf"\b({others})\b|experiments? `?(memory|batch|precision)\b")
    return {
        text for text in strings(source) if text in alone or within.search(text) or any(case in text for case in cases)
    }


def test_tensorflow_is_imported_where_it_is_known_and_nowhere_else():
    found = {path for path in MODULES if any(name.split(".")[0] in ("tensorflow", "keras") for name in imports(path))}
    known = re.compile(r"bench/(backends/tensorflow/\w+|experiments/\w+/worker)\.py")
    assert [path for path in found if not known.fullmatch(path)] == []
    assert "bench/backends/tensorflow/handlers.py" in found


def test_no_module_of_the_spine_knows_an_experiment_by_name():
    found = {path: names for path in SPINE if (names := names_in((ROOT / path).read_text()))}
    assert found == {path: set(words) for path, words in WORDS.items()}


def test_such_a_name_is_found():
    source = (
        '"""About modes."""\nKEYS = {"modes": 1}\nCASE = "of xla/resident here"\nTITLE, WORD = "Memory", "of memory"\n'
    )
    assert names_in(source) == {"modes", "of xla/resident here", "Memory"}
    assert names_in('say(f"bench run --experiment batch --only {name}")') == {"bench run --experiment batch --only "}
    assert names_in('say("see the experiment `memory`")') == {"see the experiment `memory`"}


def test_every_folder_is_named_in_the_map():
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = {path.parent.name for path in (ROOT / "bench").glob("*/__init__.py")}
    assert folders == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
