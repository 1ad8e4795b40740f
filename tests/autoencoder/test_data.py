"""Where the data come from, in which order, and that the sample is what it says."""

import shutil

import numpy as np
import pytest

from autoencoder import data, sources
from autoencoder.errors import DataError


@pytest.fixture
def failing_download(monkeypatch):
    calls = []

    def download(folder):
        calls.append(folder)
        raise DataError("download", "Fashion-MNIST", "no network", "Get one.")

    monkeypatch.setattr(data, "download", download)
    return calls


def test_the_full_set(full_set):
    fashion_mnist = data.load(full_set)
    assert fashion_mnist.train_images.shape == (60_000, 28, 28)
    assert fashion_mnist.test_images.shape == (10_000, 28, 28)
    assert np.bincount(fashion_mnist.train_labels).tolist() == [6_000] * 10
    assert np.bincount(fashion_mnist.test_labels).tolist() == [1_000] * 10
    assert (fashion_mnist.source, fashion_mnist.note) == ("debian", None)


def test_the_sample_is_the_beginning_of_the_full_set(full_set):
    full, sample = data.load(full_set), data.load("sample")
    np.testing.assert_array_equal(sample.train_images, full.train_images[:2_000])
    np.testing.assert_array_equal(sample.train_labels, full.train_labels[:2_000])
    np.testing.assert_array_equal(sample.test_images, full.test_images[:500])
    np.testing.assert_array_equal(sample.test_labels, full.test_labels[:500])


def test_the_sample_ships_with_its_licence():
    assert "Zalando" in (sources.SAMPLE_FOLDER / "LICENSE").read_text()


def test_preparing_is_the_notebooks():
    images = data.load("sample").train_images[:3]
    rows = data.prepare(images)
    assert (rows.shape, rows.dtype) == ((3, 784), np.float32)
    np.testing.assert_array_equal(rows, images.astype(np.float32).reshape([-1, 784]) / 255.0)


def test_ten_class_names():
    assert len(data.CLASS_NAMES) == 10
    assert data.CLASS_NAMES[9] == "Ankle boot"


def test_synthetic_is_seeded_and_called_that():
    one, same, other = data.synthetic(20, 5), data.load("synthetic"), data.synthetic(20, 5, seed=1)
    np.testing.assert_array_equal(one.train_images, data.synthetic(20, 5).train_images)
    assert one.sha256 != other.sha256
    assert same.source == "synthetic"


def test_auto_takes_the_variable_first(full_set, no_data, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_DIR", "/usr/share/datasets/fashion-mnist")
    shutil.copytree("/usr/share/datasets/fashion-mnist", no_data)
    found = data.load()
    assert (found.source, found.location) == ("directory", "/usr/share/datasets/fashion-mnist")


def test_auto_takes_keras_cache_before_debian(full_set, no_data, monkeypatch):
    shutil.copytree("/usr/share/datasets/fashion-mnist", no_data)
    monkeypatch.setattr(sources, "DEBIAN_FOLDER", no_data)
    assert data.load().source == "keras"


def test_auto_passes_over_an_incomplete_cache(full_set, no_data, monkeypatch):
    no_data.mkdir(parents=True)
    shutil.copy("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz", no_data)
    monkeypatch.undo()
    monkeypatch.setenv("KERAS_HOME", str(no_data.parent.parent))
    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    assert data.load().source == "debian"


def test_auto_stops_at_a_damaged_cache(full_set, no_data):
    shutil.copytree("/usr/share/datasets/fashion-mnist", no_data)
    damaged = no_data / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-1_000])
    with pytest.raises(DataError, match="truncated") as caught:
        data.load()
    assert caught.value.subject == damaged


def test_auto_downloads_when_nothing_is_there_and_ends_at_the_sample(no_data, failing_download):
    said = []
    found = data.load(say=said.append)
    assert failing_download == [no_data]
    assert found.source == "sample"
    assert "--data download" in (found.note or "")
    assert any("no network" in line for line in said)


def test_a_download_is_read_from_keras_cache_afterwards(full_set, no_data, monkeypatch):
    monkeypatch.setattr(data, "download", lambda folder: shutil.copytree("/usr/share/datasets/fashion-mnist", folder))
    found = data.load("download")
    assert (found.source, found.location) == ("download", "keras")
    assert data.load(found.location).source == "keras"


def test_an_unknown_source_names_the_choices():
    with pytest.raises(DataError, match="auto, keras, debian, download, sample"):
        data.load("no/such/folder")


def test_a_bad_variable_is_named_and_offers_folders_only(no_data, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_DIR", "sample")
    with pytest.raises(DataError, match="FASHION_MNIST_DIR takes the folder") as caught:
        data.load()
    assert "keras" not in str(caught.value)


def test_a_home_that_does_not_exist_is_no_error(no_data, failing_download, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "~nosuchuser/keras")
    assert data.load().source == "sample"
