"""The plots of a run's folder: one of speeds, one of each experiment that has its own, and the loss."""

import warnings

import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from support.documents import document, simulate

from bench.output import style
from bench.report import drawn
from bench.results import files


@pytest.fixture
def saved(monkeypatch):
    """What is saved, by the name of its file."""
    figures = {}
    monkeypatch.setattr(style, "save", lambda figure, path: figures.update({path.name: figure}))
    return figures


def words(figure):
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("quick", ["memory.png", "pipelines.png"]),
        ("batch", ["batch.png"]),
        ("memory", ["memory.png"]),
        ("pipelines", ["pipelines.png"]),
        ("roofline", ["roofline.png"]),
    ],
)
def test_every_plot_says_machine_date_and_versions_and_has_no_control(saved, reference, tmp_path, name, own):
    folder = tmp_path / "plots"
    folder.mkdir()
    (folder / "losses.csv").write_text("step,loss\n0,0.2\n1,0.1\n")
    found = files.read(reference / f"{name}.json")
    drawn.save_all(found, folder)
    assert sorted(saved) == sorted(["steps_per_second.png", "loss.png", *own])
    section = found.autoencoder_bench
    origin = (section.device.name, found.datetime[:10], "TensorFlow 2.21.0", "autoencoder-bench 0.1.0")
    for figure in saved.values():
        assert " | ".join(origin) in words(figure)
        assert not any("/control" in text for text in words(figure))


def test_the_speeds_are_those_of_the_cases(saved, tmp_path):
    found = document(simulate(np.random.default_rng(1)))
    drawn.save_all(found, tmp_path)
    (figure,) = saved.values()
    (axes,) = figure.axes
    cases = {benchmark.name: benchmark for benchmark in found.benchmarks if not benchmark.extra_info.case.control}
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == list(reversed(cases))
    for name, bar in zip(names, axes.patches, strict=True):
        assert bar.get_width() == cases[name].extra_info.steps_per_second.value
    assert any("x eager [" in text for text in words(figure))


@pytest.mark.parametrize("text", ["$\\frac{", "\u65e5\u672c", "x" * 300, "<script>"])
def test_names_from_elsewhere_are_text(tmp_path, text):
    found = document(simulate(np.random.default_rng(1)), cpu=text, tensorflow=text)
    drawn.save_all(found, tmp_path)
    assert matplotlib.image.imread(tmp_path / "steps_per_second.png").std() > 0.01


@pytest.mark.parametrize(
    "name", ["W" * 200, "\u65e5\u672c" * 100, "A processor with a name of sixty letters, and 128 cores of it"]
)
def test_a_caption_that_is_too_wide_has_two_lines(tmp_path, saved, name):
    version = "9.99.0.dev20261231+cuda13"
    drawn.save_all(document(simulate(np.random.default_rng(1)), cpu=name, tensorflow=version), tmp_path)
    (figure,) = saved.values()
    assert figure.get_suptitle().count("\n") == 1
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        extent = figure._suptitle.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
