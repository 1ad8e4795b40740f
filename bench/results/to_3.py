"""Bring the tree of a result of version 2 to version 3, where what experiments measure and make of it are data.

What is not as it should be is left as it is: the types name its place.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

SECTION = "autoencoder_bench"
Tree = dict[str, Any]

_RENAMED = {"ceiling": "roofline"}  # experiments

# What keys and words of a result are called now.
_KEYS = {
    "cohort": "repetition",
    "cohorts": "repetitions",
    "replicates": "processes",
    "twin": "control",
    "block": "sample_size",
    "blocks": "samples",
    "lead_in": "warmup_steps",
    "passes": "separate_measurements",
    "marks": "interference",
    "peak_host_bytes": "host_peak_rss_bytes",
    "resident_host_bytes": "host_rss_bytes",
    "private_host_bytes": "host_uss_bytes",
    "lost_bytes": "nvml_used_bytes",
    "baseline_bytes": "nvml_idle_bytes",
}
_WORDS = {
    ("status", "not-in-force"): "not-applied",
    ("code", "few_cohorts"): "few_repetitions",
    ("code", "few_blocks"): "few_samples",
    ("code", "disturbed"): "interference",
    ("reason", "cohorts"): "repetitions",
}
# In sentences of warnings.
_SAID = {
    "/twin": "/control",
    "cohort": "repetition",
    "cohorts": "repetitions",
    "block": "sample",
    "blocks": "samples",
    "card": "GPU",
}
_IN_SENTENCES = re.compile(rf"(?<![\w/])({'|'.join(_SAID)})\b|/twin\b")
# Where nothing is called otherwise: most of a result, and not walked through for each of a thousand files.
_AS_IT_IS = {
    "preset",
    "rounds",
    "order",
    "telemetry",
    "policy",
    "same_model",
    "latency",
    "sustained",
    "profile",
    "profile_of_graphs",
    "values",
}
_CONTROL = ("/twin", "/control")  # how its name ends

# The axes that a case could be named by; which of them it was tells its name.
_NAMED_BY = (("mode", "pipeline"), ("memory", "mode"), ("mode", "batch_size"), ("mode",))

_FIGURES = {"stall": "input_overhead_share", "share_of_limit": "roofline_share"}
_DRIVER = ("call", "kernel_launch", "kernel", "graph_launch", "synchronise")


def upgrade(tree: Tree) -> Tree:
    """The tree as one of version 3; one that has that shape already is returned itself."""
    section = tree[SECTION]
    if section["schema_version"].split(".")[0] not in ("1", "2"):
        return tree
    section = _with(section, "experiments", _each(_experiment))
    section = _with(section, "warnings", _each(lambda warning: _with(warning, "experiment", _renamed)))
    section = _with(section, "plan", lambda plan: _with(plan, "command", _command))
    for key in ("experiments", "warnings", "time_spent"):
        section = _with(section, key, _in_present_terms)
    upgraded: Tree = _with(
        tree | {SECTION: section}, "benchmarks", _each(lambda one: _benchmark_in_present_terms(_benchmark(one)))
    )
    return upgraded


def _in_present_terms(value: Any) -> Any:
    """The same with keys, words and names of controls as they are now; long lists of numbers are passed over."""
    if isinstance(value, dict):
        return {_KEYS.get(key, key): _of_key(key, one) for key, one in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict | str):
        return [_control(one) if isinstance(one, str) else _in_present_terms(one) for one in value]
    return value


def _of_key(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return _word(key, value)
    return value if key in _AS_IT_IS or not isinstance(value, dict | list) else _in_present_terms(value)


def _benchmark_in_present_terms(benchmark: Any) -> Any:
    for key in ("name", "fullname", "param"):
        benchmark = _with(benchmark, key, _control)
    for key in ("params", "extra_info"):
        benchmark = _with(benchmark, key, _in_present_terms)
    return benchmark


def _word(key: str, word: str) -> str:
    if key in ("text", "advice"):
        return _IN_SENTENCES.sub(lambda found: _SAID[found[0]], word)
    return _WORDS.get((key, word), _control(word) if key == "name" else word)


def _control(name: Any) -> Any:
    old, new = _CONTROL
    return name.removesuffix(old) + new if isinstance(name, str) and name.endswith(old) else name


def _with(tree: Any, key: str, change: Callable[[Any], Any]) -> Any:
    """The object with what stands at a key changed, where it has one."""
    return tree | {key: change(tree[key])} if isinstance(tree, dict) and key in tree else tree


def _without(tree: Tree, *keys: str) -> Tree:
    return {key: value for key, value in tree.items() if key not in keys}


def _each(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: [change(one) for one in value] if isinstance(value, list) else value


def _renamed(name: Any) -> Any:
    return _RENAMED.get(name, name) if isinstance(name, str) else name


def _command(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    for old, new in _RENAMED.items():
        text = text.replace(f"--experiment {old}", f"--experiment {new}")
    return text


def _experiment(tree: Any) -> Any:
    tree = _with(tree, "name", _renamed)
    if not isinstance(tree, dict) or not isinstance(limits := tree.get("limits"), list):
        return tree
    return _without(tree, "limits") | {"quantities": [_limits(one) for one in limits]}


def _benchmark(tree: Any) -> Any:
    tree = _with(tree, "group", _renamed)
    tree = _with(tree, "fullname", _full_name)
    if not isinstance(tree, dict) or not isinstance(info := tree.get("extra_info"), dict):
        return tree
    info = _with(info, "case", lambda case: _case(case, tree.get("name")))
    figures = {new: info[old] for old, new in _FIGURES.items() if info.get(old) is not None}
    inputs = info.get("inputs_alone")
    quantities = [_input_alone(one) for one in inputs] if isinstance(inputs, list) else []
    info = _without(info, *_FIGURES, "inputs_alone") | {"figures": figures, "quantities": quantities}
    return tree | {"extra_info": info}


def _full_name(name: Any) -> Any:
    if not isinstance(name, str):
        return name
    experiment, slash, rest = name.partition("/")
    return f"{_renamed(experiment)}{slash}{rest}"


def _case(case: Any, name: Any) -> Any:
    if not isinstance(case, dict) or not isinstance(name, str):
        return case
    words = name.split("/")
    for axes in _NAMED_BY:
        if [str(case.get(axis)) for axis in axes] == words[: len(axes)] and words[len(axes) :] in ([], ["twin"]):
            case = case | {"axes": list(axes)}
            break
    return _with(case, "experiment", _renamed)


def _input_alone(alone: Any) -> Any:
    if not isinstance(alone, dict):
        return alone
    values = {"batches_count": alone.get("batches"), "elapsed_seconds": alone.get("seconds")}
    return {"name": "input_alone", "cohort": alone.get("cohort"), "values": values}


def _limits(limits: Any) -> Any:
    """Flat, with the names that a worker gives these quantities now."""
    if not isinstance(limits, dict):
        return limits
    plain = {name: value for name, value in limits.items() if name.endswith(("_seconds", "_per_second"))}
    rates = plain.pop("matmul_flops_per_second", None)
    values = {name: value for name, value in plain.items() if value is not None}
    values |= {f"matmul_{kind}_flops_per_second": rate for kind, rate in _items(rates)}
    values |= {f"eager_{name}": seconds for name, seconds in _items(limits.get("eager_parts"))}
    driver = limits.get("driver")
    values |= {f"driver_{name}_seconds": driver.get(f"{name}_seconds") for name in _DRIVER if isinstance(driver, dict)}
    if isinstance(driver, dict):
        values["driver_graph_kernels_count"] = driver.get("graph_kernels")
    values |= _transfers(limits.get("transfers")) | _transfers(dict(_items(driver)).get("transfers"))
    reason = limits.get("driver_reason")
    reasons = {} if reason is None else {"driver": reason}
    return {"name": "peaks", "cohort": limits.get("cohort"), "values": values, "reasons": reasons}


def _items(tree: Any) -> list[tuple[str, Any]]:
    return list(tree.items()) if isinstance(tree, Mapping) else []


def _transfers(transfers: Any) -> Tree:
    return {
        f"transfer_to_{one.get('to')}_{one.get('memory')}_of_{one.get('bytes')}_bytes_in_seconds": one.get("seconds")
        for one in (transfers if isinstance(transfers, list) else [])
        if isinstance(one, dict)
    }
