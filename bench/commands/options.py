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


Threshold = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=10.0,
        metavar="FRACTION",
        help="Differences in speed beyond this matter; default: 0.03 side by side, 0.05 between separate runs.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Ask for a verdict: exit code 5 if one is inconclusive, 4 on other hardware."),
]
History = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        parser=user_path,
        help="Folder with earlier results: five of the same machine and software say what runs vary by.",
    ),
]


Device = Annotated[DeviceName, typer.Option(help="auto: the GPU wherever an NVIDIA driver is present, else the CPU.")]
Gpu = Annotated[
    str | None,
    typer.Option(
        metavar="INDEX|UUID",
        help="Which GPU, as nvidia-smi -L lists them; default: the first that CUDA_VISIBLE_DEVICES allows.",
    ),
]
AffinityOption = Annotated[
    AffinityName,
    typer.Option(
        "--affinity", help="near: bind to the cores that are near the GPU, as NVML knows them; none: to no cores."
    ),
]
Data = Annotated[
    str,
    typer.Option(
        metavar="SOURCE",
        help="Fashion-MNIST: a folder with its four .gz files, or auto, keras, debian, download, sample.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of weights, shuffling and the order of samples.")]
Out = Annotated[Path, typer.Option(metavar="DIR", parser=user_path, help="Folder that gets a folder for this run.")]
Label = Annotated[str | None, typer.Option(help="A name for this machine or run, in folder and result.")]
Tf32 = Annotated[OnOff | None, typer.Option(help="TF32 on GPUs that have it; default: TensorFlow's.")]
HostTracer = Annotated[
    int, typer.Option(min=1, max=3, help="How much of the host a profile holds: 1 little, 2 operations, 3 everything.")
]
PythonTracer = Annotated[
    bool,
    typer.Option(
        "--python-tracer", help="Ask for Python's own calls in profiles too; TensorFlow 2.21 was seen to record none."
    ),
]
CudaGraphs = Annotated[
    bool,
    typer.Option(
        "--trace-cuda-graphs",
        help="On a GPU, take a second profile of what XLA compiles, with its CUDA graphs: XLA measures with them, and "
        "traces without.",
    ),
]
DeviceTracer = Annotated[bool, typer.Option(help="What the GPU does in profiles.")]
