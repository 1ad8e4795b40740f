"""A page stands alone, escapes what it is given, and writes itself whole or not at all."""

import re

from bench.experiments.base import Headline
from bench.output.grid import Grid
from bench.report import render
from bench.report.page import Page, Section

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


def page(text):
    grid = Grid(text, (text, text), ((text, text),), text)
    figures = (
        Headline(question=text, value=text, interval=text, note=text),
        Headline(question="a", value=None, note=text),
    )
    folded = (Section(text, "two", points=(text,)), Section("empty", "empty"))
    section = Section(text, "one", (text,), (), (grid,), notes=(text,), code=text, headlines=figures, folded=folded)
    return Page(title=text, subtitle=text, legend=text, sections=(section, Section("empty", "empty")), version="1")


def test_words_stay_words():
    text = render.html(page(HOSTILE))
    assert text.count("<script>") == 1  # the page's own
    assert text.count("&lt;script&gt;alert(1)") == 23
    assert text.count("no figure") == 1
    assert "{{ 7 * 7 }}" in text


def test_a_section_without_anything_is_left_out():
    assert 'id="empty"' not in render.html(page("a"))


def test_nothing_is_fetched():
    text = render.html(page("a"))
    targets = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert targets
    assert all(target.startswith(("#", "data:")) for target in targets)
    assert "default-src 'none'" in text


def test_a_page_replaces_the_one_before(tmp_path):
    path = tmp_path / "report.html"
    for title in ("first", "second"):
        render.to_file(page(title), path)
    assert "second" in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_what_is_folded_is_there_without_a_script():
    text = render.html(page("a"))
    assert '<details id="two">' in text
    assert "<summary><h3>a</h3></summary>" in text
