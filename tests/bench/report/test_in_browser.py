"""The page in a real browser: hostile strings are text, tables sort, nothing sticks out of a phone, no network."""

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate, with_experiment

from bench.output.grid import Grid
from bench.report import fleet, fleet_page, render, run_page
from bench.report.page import Page, Section
from bench.results import files
from bench.results.record import Failure
from bench.results.schema import CaseStatus

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>$\\frac{"


def hostile(found):
    """Every string that a page shows, as an attacker would write it."""
    section = found.autoencoder_bench
    replace = msgspec.structs.replace
    failure = Failure(status="failed", reason=HOSTILE, repetition=1, log=HOSTILE)
    cases = (*found.experiment.cases, CaseStatus(name=HOSTILE, status="failed", failure=failure))
    section = replace(
        section,
        device=replace(section.device, name=HOSTILE, why=HOSTILE, driver=HOSTILE),
        software=replace(section.software, tensorflow=HOSTILE, keras=HOSTILE, suite=HOSTILE),
        fingerprint=replace(section.fingerprint, hardware={HOSTILE: HOSTILE}, software={HOSTILE: HOSTILE}),
        plan=replace(section.plan, label=HOSTILE, preset=HOSTILE, command=HOSTILE),
        status_reason=HOSTILE,
        training_reason=HOSTILE,
    )
    benchmarks = []
    for i, benchmark in enumerate(found.benchmarks):
        case = replace(benchmark.extra_info.case, pipeline=f"{HOSTILE}{i}")
        info = replace(benchmark.extra_info, case=case)
        benchmarks.append(replace(benchmark, extra_info=info, name=case.name, fullname=case.full_name))
    changed = replace(found, autoencoder_bench=section, benchmarks=tuple(benchmarks), commit_info={"id": HOSTILE})
    return with_experiment(changed, cases=cases)


@pytest.fixture(scope="module")
def page_of_hostile(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    run_page.write(hostile(document(simulate(np.random.default_rng(4)))), None, path)
    return path


@pytest.fixture
def open_page(browser):
    """Opens a file with the options, and says afterwards that it fetched nothing and logged nothing."""
    contexts, wrong = [], []

    def open_page(path, **options):
        context = browser.new_context(**options)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request)
        )
        page.goto(f"file://{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def test_markup_and_script_in_a_result_show_as_text(open_page, page_of_hostile):
    page = open_page(page_of_hostile)
    assert "<script>document.title='owned'" in page.inner_text("h1")
    assert page.title() != "owned"
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("script").count() == 1
    assert "onerror=" in page.inner_text("main")


def test_hostile_labels_on_a_page_of_many_show_as_text(open_page, tmp_path):
    paths = []
    for i in range(2):
        found = document(simulate(np.random.default_rng(i)), label=f"{HOSTILE}{i}", tensorflow=HOSTILE + str(i))
        paths.append(tmp_path / f"{i}.json")
        files.write(found, paths[-1])
    fleet_page.write(fleet.load(paths), tmp_path / "report.html")
    page = open_page(tmp_path / "report.html")
    assert page.locator("img").count() == 0
    assert page.title() == "2 runs of 1 machine"
    assert "onerror=" in page.inner_text("main")


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 360, "height": 700}}, {"color_scheme": "dark"}])
def test_nothing_sticks_out_and_text_can_be_read(open_page, finished, options, tmp_path):
    page = open_page(finished[0].folder / "report.html", **options)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    ink, paper = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    shade = [sum(map(int, colour[4:-1].split(","))) for colour in (ink, paper)]
    assert (shade[0] > shade[1]) == (options.get("color_scheme") == "dark")
    letters = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    assert letters == ink
    page.screenshot(path=tmp_path / "page.png")


def test_headings_sort_by_keyboard(open_page, finished):
    page = open_page(finished[0].folder / "report.html")
    table = page.locator("section#modes table").first
    column = list(table.locator("thead th").all_inner_texts()).index("steps/s")
    heading = table.locator("thead th").nth(column)

    def rates():
        cells = table.locator(f"tbody tr > :nth-child({column + 1})").all_inner_texts()
        return [float(cell.split()[0].replace(",", "")) for cell in cells]

    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert rates() == sorted(rates(), reverse=True)
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert rates() == sorted(rates())


def test_a_screen_reader_finds_its_way(open_page, finished):
    page = open_page(finished[0].folder / "report.html")
    assert page.get_by_role("main").count() == page.get_by_role("navigation").count() == 1
    for plot in page.locator("svg, img").all():
        assert plot.get_attribute("aria-label") or plot.get_attribute("alt")
    for table in page.locator("table").all():
        assert table.locator("caption").inner_text()
        assert table.locator("thead th[scope=col]").count()
        assert table.locator("tbody th[scope=row]").count()
    names = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(set(names)) == len(names)
    links = page.evaluate("[...document.querySelectorAll('nav a')].map(link => link.hash.slice(1))")
    assert set(links) <= set(names)


def test_it_prints(open_page, finished):
    page = open_page(finished[0].folder / "report.html", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_units_dates_and_names_sort_as_what_they_are(open_page, tmp_path):
    sizes = ("900 MB", "1.20 GB", "-", "35.0 kB")
    dates = ("2026-11-23 08:41", "2026-02-01 10:00", "2025-12-31 23:59", "2026-11-03 00:00")
    rates = ("1,234 [1,200, 1,300]", "56 [50, 60]", "0.696x [0.6, 0.7]", "9")
    rows = tuple((f"r{i}", *cells) for i, cells in enumerate(zip(sizes, dates, rates, strict=True)))
    grid = Grid("sorted", ("run", "memory", "time", "rate"), rows, "")
    page = Page(title="a", subtitle="b", legend="c", sections=(Section("One", "one", grids=(grid,)),), version="1")
    render.to_file(page, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")

    def descending(column):
        page.locator("thead th").nth(column).locator("button").click()
        return page.locator(f"tbody tr > :nth-child({column + 1})").all_inner_texts()

    assert descending(1) == ["1.20 GB", "900 MB", "35.0 kB", "-"]
    assert descending(2) == sorted(dates, reverse=True)
    assert descending(3) == [rates[0], rates[1], rates[3], rates[2]]
