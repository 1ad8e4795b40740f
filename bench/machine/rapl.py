"""The energy counters of the processor's packages (RAPL), where the kernel shows them and lets us read them."""

from pathlib import Path

SOURCE = "RAPL, all packages"

_FOLDER = Path("/sys/class/powercap")


def joules(folder: Path = _FOLDER) -> tuple[dict[str, float] | None, str | None]:
    """The counter of each package, by name, or None and the reason. On most systems only root may read them.

    A package contains its cores and its memory's zone, and is itself part of the zone `psys`, where there is one: only
    packages are added up.
    """
    try:
        zones = sorted(path for path in folder.glob("intel-rapl:*") if (path / "name").is_file())
        packages = [path for path in zones if (path / "name").read_text().startswith("package")]
        if not packages:
            return None, "the kernel shows no RAPL counters here, as in most virtual machines"
        return {path.name: int((path / "energy_uj").read_text()) / 1e6 for path in packages}, None
    except PermissionError:
        return None, "only root may read the RAPL counters here (chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj)"
    except (OSError, ValueError) as error:
        return None, f"the RAPL counters cannot be read: {error}"


def spent(before: dict[str, float], after: dict[str, float], folder: Path = _FOLDER) -> float | None:
    """Joules between two readings, wrapped counters considered; None where a wrap cannot be made up for."""
    total = 0.0
    for name, start in before.items():
        difference = after[name] - start
        if difference < 0:
            try:
                difference += int((folder / name / "max_energy_range_uj").read_text()) / 1e6
            except (OSError, ValueError):
                return None
        total += difference
    return total
