"""The workload: what is measured, behind one small protocol that another model could fill one day.

This half needs no framework: parameters and data. The other half is a record of functions in a framework, in its folder
of `bench/backends`: the step, the losses to check by, the plots.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autoencoder import data
from autoencoder.config import Config
from autoencoder.data import FashionMnist
from autoencoder.errors import DataError

Dataset = FashionMnist
__all__ = ["WORKLOAD", "Config", "DataError", "Dataset", "Workload"]

# Raised whenever a step comes to mean something else, so that old and new results are not compared.
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What a step is, as parameters: only results of equal ones are comparable. And what it is fed with.

    `load` takes a source and what is told of its progress, `load_present` looks at files that are there already; both
    raise DataError. `describe_data` says in a few words what was read, `prepare` makes rows of images: (n, features),
    float32 in [0, 1].
    """

    parameters: Mapping[str, Any]
    load: Callable[[str, Callable[[str], None]], Dataset]
    load_present: Callable[[str], Dataset | None]
    describe_data: Callable[[Dataset], str]
    prepare: Callable[[Any], npt.NDArray[np.float32]]

    @property
    def sha256(self) -> str:
        """Of the parameters."""
        return hashlib.sha256(json.dumps(dict(self.parameters), sort_keys=True).encode()).hexdigest()


WORKLOAD = Workload(
    parameters={"version": _VERSION, **asdict(Config())},
    load=data.load,
    load_present=data.load_present,
    describe_data=data.describe,
    prepare=data.prepare,
)
