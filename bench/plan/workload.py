"""What a step is, as parameters and their hash: only results of equal workloads are comparable."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from autoencoder.config import Config

# Raised whenever a step comes to mean something else, so that old and new results are not compared.
WORKLOAD_VERSION = 1


def describe() -> tuple[str, dict[str, Any]]:
    """The SHA-256 of the workload, and its parameters: the notebook's, and the version of what a step does."""
    parameters = {"version": WORKLOAD_VERSION, **asdict(Config())}
    text = json.dumps(parameters, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), parameters
