"""The tables of docs/calibration.md, from the last calibration: `python tests/calibration/tables.py`."""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parents[2] / "results" / "calibration"


def all_tables() -> dict[str, str]:
    """Each part's table, by the part's name; those that were run, and first where they are from."""
    makers = {
        "false-alarms": false_alarms,
        "power-quick": power,
        "power-standard": power,
        "peers": peers,
        "speed": speed,
    }
    found = {name: json.loads(path.read_text()) for name in makers if (path := RESULTS / f"{name}.json").is_file()}
    return {"sources": sources(found.values())} | {name: makers[name](part) for name, part in found.items()}


def sources(parts: Iterable[dict]) -> str:
    rows = [[part["part"], part["commit"][:12], part["datetime"][:10], part["machine"]] for part in parts]
    return _table(["part", "commit", "day", "machine"], rows)


def false_alarms(found: dict) -> str:
    rows = [
        [
            preset,
            f"{found[preset]['pairs_with_an_alarm']} of {found[preset]['pairs']}",
            f"{found[preset]['repetitions_median']:g}",
            *(_counts(found[preset]["verdicts"][case]) for case in found["quick"]["verdicts"]),
        ]
        for preset in ("quick", "standard")
    ]
    return _table(["preset", "pairs with an alarm", "repetitions (median)", *found["quick"]["verdicts"]], rows)


def power(found: dict) -> str:
    stable = [trial for trial in found["each"] if not trial["unstable"]]
    row = [
        found["preset"],
        f"{100 * found['true_slowdown']:g}%",
        f"{found['trials']}",
        f"{found['unstable']}",
        _counts(found["verdicts"]),
        f"{median(trial['ratio'] for trial in stable):.3f}",
        f"{median(trial['repetitions'] for trial in stable):g}",
        f"{median(trial['seconds'] for trial in stable):.0f} s",
    ]
    headings = ["preset", "true slowdown", "trials", "unstable", "verdicts of the others"]
    return _table([*headings, "speed (median)", "repetitions (median)", "time (median)"], [row])


def peers(found: dict) -> str:
    ours = found["bench"]
    interval = f"{ours['ratio']:.3f} [{ours['low']:.3f}, {ours['high']:.3f}]"
    rows = [
        ["`bench run --against --preset standard`", f"{ours['seconds']:.0f} s", interval, ours["verdict"]],
        ["pyperf", f"{found['pyperf']['seconds']:.0f} s", "none", found["pyperf"]["verdict"]],
        ["asv", f"{found['asv']['seconds']:.0f} s", "none", found["asv"]["verdict"]],
    ]
    return _table(["tool", "wall time", "speed, interval of the ratio", "what it says"], rows)


def speed(found: dict) -> str:
    two, thousand = found["two"], found["thousand"]
    rows = [
        [
            "2",
            f"{two['bytes_each'] / 1e3:.0f} kB",
            f"{two['seconds_median']:.2f} s (at most {two['seconds_max']:.2f})",
            "-",
        ],
        [
            f"{thousand['files']:,}",
            f"{thousand['bytes_each'] / 1e3:.0f} kB",
            f"{thousand['seconds']:.1f} s",
            f"{thousand['peak_bytes'] / 1e6:.0f} MB",
        ],
    ]
    return _table(["files", "size of each", "time", "peak memory"], rows)


def _counts(verdicts: dict) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items(), key=lambda item: -item[1]))


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


if __name__ == "__main__":
    for part, table in all_tables().items():
        print(f"{part}:\n\n{table}\n")
