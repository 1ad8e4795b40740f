"""The command in a result is understood by the command line, and means the same."""

import shlex

import msgspec
import pytest
import typer.main

from bench.__main__ import app
from bench.commands import axes
from bench.plan.preset import PRESETS, PROFILE
from bench.results.record import Tracers
from bench.run.against import Against
from bench.run.options import Options, command_of

SAME = {
    "preset": "--preset standard",
    "experiments": "--experiment memory",
    "only": "--only '*/function'",
    "axes": "--axis memory=growth,fraction-0.5 --axis mode=xla",
    "profile_steps": "--profile-steps 50",
    "tracers": "--host-tracer 3 --python-tracer --no-device-tracer",
    "seed": "--seed 7",
    "tf32": "--tf32 off",
    "device": "--device cpu",
}


def parse(text):
    program, name, *words = shlex.split(text)
    assert program == "bench"
    return typer.main.get_command(app).commands[name].make_context(name, words).params


@pytest.fixture
def options(tmp_path):
    return Options(
        preset=msgspec.structs.replace(PRESETS["standard"], profile_steps=50),
        experiments=("memory",),
        only=("*/function",),
        axes={"memory": ("growth", "fraction-0.5"), "mode": ("xla",)},
        out=tmp_path / "home of somebody",
        data=str(tmp_path / "home of somebody"),
        seed=7,
        tracers=Tracers(host=3, python=True, device=False),
        device="cpu",
        gpu="GPU-1234",
        tf32=False,
        against=Against(tmp_path / "python", "base"),
    )


def test_every_option_that_is_not_the_machines_own_is_in_the_command(options):
    text = command_of(options, options.axes, options.experiments)
    for words in SAME.values():
        assert words in text
    assert "somebody" not in text
    assert "GPU-1234" not in text
    assert "python" not in text.replace("--python-tracer", "")


def test_the_command_line_understands_it(options):
    found = parse(command_of(options, options.axes, options.experiments))
    assert (found["preset"], found["seed"], found["only"]) == ("standard", 7, ["*/function"])
    assert (found["host_tracer"], found["python_tracer"], found["device_tracer"]) == (3, True, False)
    assert (found["profile_steps"], found["tf32"]) == (50, "off")
    assert axes.chosen(found["axis"]) == options.axes


def test_what_is_usual_is_left_out():
    assert command_of(Options(preset=PRESETS["quick"]), {}, ["modes"]) == (
        "bench run --preset quick --experiment modes --seed 1234"
    )


def test_a_profile_is_asked_for_as_such():
    preset = msgspec.structs.replace(PROFILE, profile_steps=300)
    text = command_of(Options(preset=preset, only=("xla/resident",)), {}, ["modes"])
    assert text == "bench profile xla/resident --steps 300 --experiment modes --seed 1234"
    assert parse(text)["case"] == "xla/resident"


def test_data_are_named_where_the_name_means_the_same_everywhere():
    assert "--data sample" in command_of(Options(preset=PRESETS["quick"], data="sample"), {}, ["modes"])
    assert "--data" not in command_of(Options(preset=PRESETS["quick"], data="/home/somebody"), {}, ["modes"])
