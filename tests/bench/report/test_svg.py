"""Plots in a page: well-formed, in the page's colours, with names of their own, and text that stays text."""

import xml.etree.ElementTree as ET

import pytest
from matplotlib.figure import Figure

from bench.output import style
from bench.report import svg


@style.styled
def drawn(text):
    figure, axes = style.begin(1)
    axes.barh(0, 3.14159265)
    axes.set_yticks([0], [text])
    axes.set_title(text)
    return figure


@pytest.mark.parametrize(
    "text", ["plain", "0.936x [0.930, 0.943] #1b1b1f", "<script>alert(1)</script>", "$\\frac{", "a & b -- --> ]]>"]
)
def test_text_stays_text(text):
    root = ET.fromstring(svg.inline(drawn(text), "one", text))
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count(text) == 2
    assert root.get("aria-label") == text
    assert root.get("viewBox")
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_lines_take_the_colour_of_the_page():
    text = svg.inline(drawn("a"), "one", "a")
    assert style.INK not in text
    assert "currentColor" in text


def test_plots_of_one_page_share_no_names():
    def names(name):
        root = ET.fromstring(svg.inline(drawn("a"), name, "a"))
        return {element.get("id") for element in root.iter() if element.get("id")}

    one, two = names("one"), names("two")
    assert one
    assert not one & two


def test_references_lead_to_names_that_are_there():
    root = ET.fromstring(svg.inline(drawn("a"), "one", "a"))
    names = {element.get("id") for element in root.iter()}
    links = {element.get("{http://www.w3.org/1999/xlink}href") for element in root.iter()} - {None}
    assert links
    assert all(link[1:] in names for link in links)


def test_a_figure_without_anything_is_a_plot_too():
    assert svg.inline(Figure(), "one", "").startswith("<svg")
