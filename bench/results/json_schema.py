"""The JSON Schema of the result file, made from the types: `python -m bench.results.json_schema`."""

import sys
from typing import Any

import msgspec

from bench.results.schema import SCHEMA_VERSION, Document


def generate() -> dict[str, Any]:
    """The schema, draft 2020-12. What types cannot say is in bench/results/consistency.py."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"autoencoder-bench result, version {SCHEMA_VERSION}",
        **msgspec.json.schema(Document),
    }


def text() -> str:
    """The schema as it is committed."""
    return msgspec.json.format(msgspec.json.encode(generate()), indent=1).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
