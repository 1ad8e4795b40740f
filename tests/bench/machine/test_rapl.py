"""Energy counters made of files, wrapped and forbidden ones among them."""

import os

import pytest

from bench.machine import rapl


@pytest.fixture
def packages(tmp_path):
    """Two processors, the cores of one, and the whole board, which contains both."""
    zones = (
        ("intel-rapl:0", "package-0", 5_000_000),
        ("intel-rapl:0:0", "core", 7),
        ("intel-rapl:1", "psys", 300_000_000),
        ("intel-rapl:2", "package-1", 260_000_000),
    )
    for name, zone, value in zones:
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(f"{zone}\n")
        (tmp_path / name / "energy_uj").write_text(str(value))
        (tmp_path / name / "max_energy_range_uj").write_text("262143328850")
    return tmp_path


def test_packages_are_read_and_what_is_inside_or_around_them_is_not(packages):
    assert rapl.joules(packages) == ({"intel-rapl:0": 5.0, "intel-rapl:2": 260.0}, None)


def test_a_counter_that_wrapped_is_made_up_for(packages):
    before = {"intel-rapl:0": 1.0, "intel-rapl:2": 262143.0}
    after = {"intel-rapl:0": 4.0, "intel-rapl:2": 2.0}
    assert rapl.spent(before, after, packages) == pytest.approx(3.0 + 2.32885)
    (packages / "intel-rapl:2" / "max_energy_range_uj").unlink()
    assert rapl.spent(before, after, packages) is None


def test_none_and_forbidden_ones_have_a_reason(packages, tmp_path, monkeypatch):
    assert rapl.joules(tmp_path / "nothing") == (
        None,
        "the kernel shows no RAPL counters here, as in most virtual machines",
    )
    (packages / "intel-rapl:0" / "energy_uj").chmod(0)
    if os.geteuid() != 0:  # root reads everything
        assert "only root" in rapl.joules(packages)[1]
    (packages / "intel-rapl:0" / "energy_uj").chmod(0o644)
    (packages / "intel-rapl:0" / "energy_uj").write_text("much")
    assert "cannot be read" in rapl.joules(packages)[1]
