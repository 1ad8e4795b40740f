"""Options that several commands take, and the values they may have."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.recording.paths import user_path


class PresetName(StrEnum):
    """The presets, for the command line's choices."""

    quick = "quick"
    standard = "standard"
    thorough = "thorough"


class DeviceName(StrEnum):
    """What --device takes."""

    auto = "auto"
    gpu = "gpu"
    cpu = "cpu"


class OnOff(StrEnum):
    """What --tf32 takes."""

    on = "on"
    off = "off"


class AffinityName(StrEnum):
    """What --affinity takes."""

    none = "none"
    near = "near"


class Format(StrEnum):
    """What --format takes."""

    table = "table"
    markdown = "markdown"
    json = "json"
    csv = "csv"


# Options of one kind stand together in the help.
WHAT, WHERE, KEPT, PROFILES, COMPARED = "What to measure", "Device", "Data and output", "Profiles", "Comparison"
JOB = "The job"


Threshold = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=10.0,
        metavar="FRACTION",
        rich_help_panel=COMPARED,
        help="Smallest relative difference in speed that matters; default: 0.03 side by side, 0.05 between runs.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        rich_help_panel=COMPARED,
        help="Same as --fail-on regression,missing,no-baseline,inconclusive.",
    ),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="OUTCOME,...",
        rich_help_panel=COMPARED,
        help="What fails: regression, missing (a case), no-baseline (or other hardware), noisy (an A/A check that did "
        "not pass), inconclusive; default: regression,missing. A failed case always does.",
    ),
]
History = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        parser=user_path,
        rich_help_panel=COMPARED,
        help="Folder of earlier results: five of the same machine and software give the variability between runs.",
    ),
]


Preset = Annotated[
    PresetName,
    typer.Option(
        metavar="quick|standard|thorough",
        rich_help_panel=WHAT,
        help="How much to measure; `bench list` describes them.",
    ),
]
Device = Annotated[
    DeviceName,
    typer.Option(
        metavar="auto|gpu|cpu",
        rich_help_panel=WHERE,
        help="auto: the GPU where an NVIDIA driver is present, else the CPU.",
    ),
]
Gpu = Annotated[
    str | None,
    typer.Option(
        metavar="INDEX|UUID",
        rich_help_panel=WHERE,
        help="Which GPU, as nvidia-smi -L lists them; default: the first that CUDA_VISIBLE_DEVICES allows.",
    ),
]
AffinityOption = Annotated[
    AffinityName,
    typer.Option(
        "--affinity",
        metavar="none|near",
        rich_help_panel=WHERE,
        help="near: bind to the CPU cores that are near the GPU, according to NVML.",
    ),
]
Data = Annotated[
    str,
    typer.Option(
        metavar="SOURCE",
        rich_help_panel=KEPT,
        help="Fashion-MNIST: a folder with its four .gz files, or auto, keras, debian, download, sample.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        min=0,
        max=2**32 - 1,
        metavar="N",
        rich_help_panel=KEPT,
        help="Random seed for weights, shuffling and case order.",
    ),
]
Out = Annotated[
    Path,
    typer.Option(metavar="DIR", parser=user_path, rich_help_panel=KEPT, help="Parent directory for run output."),
]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", rich_help_panel=KEPT, help="Name of this machine or run, in the folder's name and the result."
    ),
]
Tf32 = Annotated[
    OnOff | None,
    typer.Option(metavar="on|off", rich_help_panel=WHERE, help="TF32 on GPUs that have it; default: TensorFlow's."),
]
HostTracer = Annotated[
    int,
    typer.Option(
        min=1,
        max=3,
        metavar="N",
        rich_help_panel=PROFILES,
        help="Detail of the host in a profile: 1 little, 2 operations, 3 everything.",
    ),
]
PythonTracer = Annotated[
    bool,
    typer.Option(
        "--python-tracer",
        rich_help_panel=PROFILES,
        help="Request Python calls in profiles too; TensorFlow 2.21 was seen to record none.",
    ),
]
CudaGraphs = Annotated[
    bool,
    typer.Option(
        "--trace-cuda-graphs",
        rich_help_panel=PROFILES,
        help="On a GPU, take a second profile of XLA's cases with CUDA graphs, which a usual trace switches off.",
    ),
]
DeviceTracer = Annotated[bool, typer.Option(rich_help_panel=PROFILES, help="Record GPU activity in profiles.")]
