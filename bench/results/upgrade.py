"""Bring a result file of an older version to the present shape, before anything else looks at it."""

from typing import Any

from bench.results import to_3

SECTION = "autoencoder_bench"
READABLE = ("1", "2", "3")  # major versions

_OF_EXPERIMENT = ("cohorts", "cases", "stopping", "twin")
_OF_PLAN = ("preset", "reference", "interleaved")


def upgrade(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree of a result in the present shape. What is not as it should be is left to the types: they name its place.

    A tree that has that shape already is returned itself.
    """
    return to_3.upgrade(_steps_of_calls(_inputs_of_cohorts(_of_one_experiment(tree))))


def _steps_of_calls(tree: dict[str, Any]) -> dict[str, Any]:
    """Before 2.3 a trace of calls that do many steps each said of a call what it now says of a step."""
    benchmarks = tree.get("benchmarks")
    if not isinstance(benchmarks, list) or _version(tree) >= (2, 3):
        return tree
    if not any(_split_of_calls(benchmark) for benchmark in benchmarks):
        return tree
    return tree | {
        "benchmarks": [
            _with_split(benchmark, _of_steps(*found)) if (found := _split_of_calls(benchmark)) else benchmark
            for benchmark in benchmarks
        ]
    }


def _version(tree: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in tree[SECTION]["schema_version"].split(".") if part.isdigit())


def _split_of_calls(benchmark: Any) -> tuple[dict[str, Any], int] | None:
    """The parts of a traced call and the steps in it, None where a call is a step or nothing was read back."""
    try:
        info = benchmark["extra_info"]
        split, steps = info["profile"]["breakdown"]["split"], info["block"]["steps_per_call"]
    except (KeyError, TypeError):
        return None
    sound = isinstance(split, dict) and type(steps) is int and steps > 1
    return (split, steps) if sound else None


def _of_steps(split: dict[str, Any], steps: int) -> dict[str, Any]:
    seconds = {
        name: value / steps
        for name, value in split.items()
        if name.endswith("_seconds") and type(value) in (int, float)
    }
    count = split.get("steps")
    return split | seconds | ({"steps": count * steps} if type(count) is int else {})


def _with_split(benchmark: dict[str, Any], split: dict[str, Any]) -> dict[str, Any]:
    info = benchmark["extra_info"]
    profile = info["profile"]
    changed = profile | {"breakdown": profile["breakdown"] | {"split": split}}
    return benchmark | {"extra_info": info | {"profile": changed}}


def _inputs_of_cohorts(tree: dict[str, Any]) -> dict[str, Any]:
    """Before 2.2 an input pipeline was measured alone in the first cohort only, and that stood there without a list."""
    benchmarks = tree.get("benchmarks")
    if not isinstance(benchmarks, list) or not any(_input_alone(benchmark) for benchmark in benchmarks):
        return tree
    return tree | {
        "benchmarks": [
            benchmark | {"extra_info": benchmark["extra_info"] | {"inputs_alone": [{"cohort": 1} | alone]}}
            if (alone := _input_alone(benchmark))
            else benchmark
            for benchmark in benchmarks
        ]
    }


def _input_alone(benchmark: Any) -> dict[str, Any] | None:
    info = benchmark.get("extra_info") if isinstance(benchmark, dict) else None
    alone = info.get("input_alone") if isinstance(info, dict) else None
    return alone if isinstance(alone, dict) else None


def _of_one_experiment(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree of a result of version 1 as one of version 2, whose only experiment it is; any other as it is.

    Version 1 had one experiment in a file, and what belongs to it stood beside what belongs to the run.
    """
    section = tree[SECTION]
    plan = section.get("plan")
    if section["schema_version"].split(".")[0] != "1" or not isinstance(plan, dict):
        return tree
    name = plan.get("experiment")
    experiment = {"name": name} | {key: plan[key] for key in _OF_PLAN if key in plan}
    experiment |= {key: section[key] for key in _OF_EXPERIMENT if key in section}
    preset = plan.get("preset")
    plan = {key: value for key, value in plan.items() if key not in ("experiment", *_OF_PLAN)}
    plan["preset"] = preset.get("name") if isinstance(preset, dict) else preset
    rest = {key: value for key, value in section.items() if key not in _OF_EXPERIMENT}
    warnings = section.get("warnings")
    if isinstance(warnings, list):
        rest["warnings"] = [w | {"experiment": name} if isinstance(w, dict) else w for w in warnings]
    return tree | {SECTION: rest | {"plan": plan, "experiments": [experiment]}}
