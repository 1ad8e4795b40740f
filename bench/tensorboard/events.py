"""Write TensorBoard's event files with its own types, and without TensorFlow.

The format: records of event_pb2.Event; scalars, images and hyperparameters as their plugins of TensorBoard 2.21 read
them. TensorBoard's own EventFileWriter would import TensorFlow, and put the host's name in the file's.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2, summary_v2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import summary_v2 as scalar_summary
from tensorboard.summary.writer.record_writer import RecordWriter

Value = str | float | int | bool

_PNG = b"\x89PNG\r\n\x1a\n"


class EventFile:
    """A new event file in a folder, which is created; every event has the same time, seconds since the epoch."""

    def __init__(self, folder: Path, seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._seconds = seconds
        self._file = (folder / f"events.out.tfevents.{int(seconds):010d}.bench").open("wb")
        self._records = RecordWriter(self._file)
        self._write(event_pb2.Event(wall_time=seconds, file_version="brain.Event:2"))

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._records.close()

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A point of a curve."""
        self._summary(scalar_summary.scalar_pb(tag, value), step)

    def image(self, tag: str, png: bytes, step: int, description: str) -> None:
        """A PNG. Raises ValueError where it is none."""
        if not png.startswith(_PNG) or len(png) < 24:
            raise ValueError("this is no PNG")
        width, height = struct.unpack(">II", png[16:24])
        content = [str(width).encode(), str(height).encode(), png]
        value = summary_pb2.Summary.Value(
            tag=tag,
            metadata=image_metadata.create_summary_metadata(display_name=None, description=description),
            tensor=_strings(content),
        )
        self._summary(summary_pb2.Summary(value=[value]), step)

    def hparams(self, name: str, values: Mapping[str, Value]) -> None:
        """The parameters that this sub-run stands for, under its name; it has ended well."""
        self._summary(summary_v2.hparams_pb(dict(values), trial_id=name, start_time_secs=self._seconds), 0)
        ended = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=self._seconds)
        value = summary_pb2.Summary.Value(
            tag=hparams_metadata.SESSION_END_INFO_TAG,
            metadata=hparams_metadata.create_summary_metadata(
                plugin_data_pb2.HParamsPluginData(session_end_info=ended)
            ),
            tensor=hparams_metadata.NULL_TENSOR,
        )
        self._summary(summary_pb2.Summary(value=[value]), 0)

    def hparams_config(self, parameters: Mapping[str, str], metrics: Mapping[str, str]) -> None:
        """What parameters and metrics there are, each with a description: once, in the logdir itself."""
        self._summary(
            summary_v2.hparams_config_pb(
                hparams=[summary_v2.HParam(name, description=text) for name, text in parameters.items()],
                metrics=[
                    summary_v2.Metric(name, display_name=name.replace("_", " "), description=text)
                    for name, text in metrics.items()
                ],
                time_created_secs=self._seconds,
            ),
            0,
        )

    def _summary(self, summary: Any, step: int) -> None:
        self._write(event_pb2.Event(wall_time=self._seconds, step=step, summary=summary))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())


def _strings(content: Sequence[bytes]) -> Any:
    """A tensor of strings, (n,)."""
    size = tensor_shape_pb2.TensorShapeProto.Dim(size=len(content))
    shape = tensor_shape_pb2.TensorShapeProto(dim=[size])
    return tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=content)
