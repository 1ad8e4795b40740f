"""Where Fashion-MNIST may lie: the known files and the folders that are looked at, in order."""

import os
from pathlib import Path

from autoencoder.idx import IdxFile, path_of

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"

# Order: training images, training labels, test images, test labels. The hashes of FULL are those of the files that
# Zalando publishes, Keras downloads and Debian packages (all the same bytes), and of what is packed in them.
FULL = (
    IdxFile(
        TRAIN_IMAGES,
        "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
        (60_000, 28, 28),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    IdxFile(
        TRAIN_LABELS,
        "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
        (60_000,),
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    IdxFile(
        TEST_IMAGES,
        "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
        (10_000, 28, 28),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    IdxFile(
        TEST_LABELS,
        "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
        (10_000,),
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)

# The first rows of the same arrays, recompressed; they ship inside the package.
SAMPLE = (
    IdxFile(TRAIN_IMAGES, "6845f10b008774b68427353acbe5a07a5918052dafbc502a8d3582a54be46ac5", (2_000, 28, 28)),
    IdxFile(TRAIN_LABELS, "d507ba91514b3d50a9b54b952639a0dc6f05ac1f97d8ebdd93a0504eda39fda4", (2_000,)),
    IdxFile(TEST_IMAGES, "50597dcfdad7dd41ff807c354c23f5fa88f740a5cff43df182ba73c229564ef1", (500, 28, 28)),
    IdxFile(TEST_LABELS, "15935be4ed7b45db8c8b1f946b8c6398b9538c1ef9948019db4da1f2d4a5ca3d", (500,)),
)

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
SAMPLE_FOLDER = Path(__file__).parent / "sample"
DIRECTORY_VARIABLE = "FASHION_MNIST_DIR"
NAMED_SOURCES = ("auto", "keras", "debian", "download", "sample", "synthetic")


def keras_folder() -> Path:
    """The folder Keras' own loader keeps the files in (keras/src/datasets/fashion_mnist.py, KERAS_HOME)."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return Path(os.path.expanduser(home)) / "datasets" / "fashion-mnist"


def is_complete(folder: Path) -> bool:
    """Whether all four files are there, as far as this user can see; whether they are sound is for reading to say."""
    return all(os.path.isfile(path_of(folder, file)) for file in FULL)
