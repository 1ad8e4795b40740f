"""Fashion-MNIST: find it, verify it, read it, prepare it; no TensorFlow."""

import dataclasses
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoencoder import sources
from autoencoder.download import download
from autoencoder.errors import DataError
from autoencoder.idx import IdxFile, read_idx

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

SAMPLE_NOTE = "Packaged sample of 2,500 images; losses are not representative (whole set: --data download)."


@dataclass(frozen=True)
class FashionMnist:
    """The data set as it is stored: uint8 images (n, 28, 28) and uint8 labels (n,), and where it came from.

    `source` is one of keras, debian, download, directory, sample, synthetic; `location` is what `load` takes to read
    the same again, without looking around; `sha256` stands for all four files; `note` is what the user should be
    told about the source, or None.
    """

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.uint8]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]
    source: str
    location: str
    sha256: str
    note: str | None = None


def load(source: str = "auto", say: Callable[[str], None] = lambda _: None) -> FashionMnist:
    """Read Fashion-MNIST from `source`: auto, keras, debian, download, sample, synthetic, or a folder.

    `auto` looks at FASHION_MNIST_DIR, Keras' cache, Debian's package, a download, and last the packaged sample. Only
    an absent source is passed over: a damaged one is an error, since going on would hide it. `say` is told before
    anything slow begins. Raises DataError.
    """
    if source == "auto":
        return _load_first(say)
    if source == "keras":
        return _read(sources.keras_folder(), sources.FULL, "keras")
    if source == "debian":
        return _read(sources.DEBIAN_FOLDER, sources.FULL, "debian")
    if source == "download":
        return _download(say)
    if source == "sample":
        return _read(sources.SAMPLE_FOLDER, sources.SAMPLE, "sample", SAMPLE_NOTE)
    if source == "synthetic":
        return synthetic()
    return _read_directory(source, "--data")


def load_present(source: str = "auto") -> FashionMnist | None:
    """What `load` reads from files that are there already; None where it would try a download. Raises DataError."""
    if source == "auto":
        return _load_present()
    return None if source == "download" else load(source)


def describe(fashion_mnist: FashionMnist) -> str:
    """Say in a few words what was read: source, counts and the beginning of the hash."""
    counts = f"{len(fashion_mnist.train_images):,} + {len(fashion_mnist.test_images):,} images"
    return f"Data: {fashion_mnist.source}, {counts}, SHA-256 {fashion_mnist.sha256[:12]}"


def prepare(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Images (n, 28, 28) uint8 as the notebook prepares them: float32 rows (n, 784) in [0, 1]."""
    return images.astype(np.float32).reshape([-1, 784]) / np.float32(255.0)


def synthetic(train: int = 2_000, test: int = 500, seed: int = 0) -> FashionMnist:
    """Seeded noise in the shape of Fashion-MNIST, for tests only; it is called synthetic wherever it appears."""
    generator = np.random.default_rng(seed)
    arrays = (
        generator.integers(0, 256, (train, 28, 28), dtype=np.uint8),
        generator.integers(0, 10, train, dtype=np.uint8),
        generator.integers(0, 256, (test, 28, 28), dtype=np.uint8),
        generator.integers(0, 10, test, dtype=np.uint8),
    )
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    note = "Using synthetic data: noise, for tests only."
    return FashionMnist(*arrays, source="synthetic", location="synthetic", sha256=digest, note=note)


def _load_first(say: Callable[[str], None]) -> FashionMnist:
    if present := _load_present():
        return present
    try:
        return _download(say)
    except DataError as error:
        say(str(error))
    return _read(sources.SAMPLE_FOLDER, sources.SAMPLE, "sample", SAMPLE_NOTE)


def _load_present() -> FashionMnist | None:
    directory = os.environ.get(sources.DIRECTORY_VARIABLE)
    if directory:
        return _read_directory(directory, sources.DIRECTORY_VARIABLE)
    if sources.is_complete(sources.keras_folder()):
        return _read(sources.keras_folder(), sources.FULL, "keras")
    if sources.is_complete(sources.DEBIAN_FOLDER):
        return _read(sources.DEBIAN_FOLDER, sources.FULL, "debian")
    return None


def _download(say: Callable[[str], None]) -> FashionMnist:
    say("Downloading Fashion-MNIST (31 MB) with Keras' loader ...")
    download(sources.keras_folder())
    return dataclasses.replace(_read(sources.keras_folder(), sources.FULL, "keras"), source="download")


def _read_directory(name: str, origin: str) -> FashionMnist:
    folder = Path(os.path.expanduser(name)).absolute()
    try:
        found = None if name and stat.S_ISDIR(folder.stat().st_mode) else "neither"
    except OSError as error:
        found = error.strerror or "neither"
    if found:
        known = f", or one of {', '.join(sources.NAMED_SOURCES[:-1])}" if origin == "--data" else ""
        remedy = f"{origin} takes the folder with the four .gz files{known}."
        raise DataError(name or origin, "a folder with Fashion-MNIST", found, remedy)
    return dataclasses.replace(_read(folder, sources.FULL, "directory"), location=str(folder))


def _read(folder: Path, files: Sequence[IdxFile], source: str, note: str | None = None) -> FashionMnist:
    train_images, train_labels, test_images, test_labels = (read_idx(folder, file) for file in files)
    combined = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
    return FashionMnist(train_images, train_labels, test_images, test_labels, source, source, combined, note)
