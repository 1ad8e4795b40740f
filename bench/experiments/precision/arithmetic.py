"""What a device has for the products of each precision, as far as a result says."""

from bench.output.figures import printable
from bench.plan import precisions
from bench.results.record import Fact
from bench.results.schema import Document

EMULATED = "emulated"
_UNKNOWN = "unknown"
_FACTS = {precisions.MIXED_BFLOAT16: "bfloat16_instructions", precisions.MIXED_FLOAT16: "float16_instructions"}


def of(document: Document, precision: str) -> str:
    """In a word: tensor cores of a GPU, instructions of a CPU, `emulated` where it has none; or its own float32."""
    if precision not in precisions.LEAST_CAPABILITY:
        return precisions.FLOAT32
    if document.autoencoder_bench.device.kind == "gpu":
        return _on_gpu(_fact(document, "gpu", "compute_capability"), precisions.LEAST_CAPABILITY[precision])
    found = _fact(document, "cpu", _FACTS.get(precision, ""))
    if found is None:
        return _UNKNOWN
    return printable(str(found), 40) or EMULATED


def _on_gpu(capability: str | int | float | bool | None, least: tuple[int, int]) -> str:
    parts = str(capability).split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        return _UNKNOWN
    return "tensor cores" if (int(parts[0]), int(parts[1])) >= least else EMULATED


def _fact(document: Document, group: str, name: str) -> str | int | float | bool | None:
    return document.autoencoder_bench.facts.get(group, {}).get(name, Fact(value=None)).value
