"""The pages in a real browser: hostile strings are text, tables sort, all can use them, nothing is cut, no network."""

from datetime import UTC, datetime, timedelta

import matplotlib.image
import msgspec
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from matplotlib.figure import Figure
from support.documents import document, simulate, with_experiment, with_reserved

from bench.output.grid import Grid
from bench.report import fleet, fleet_page, render, run_page, svg
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
        assert table.locator("caption").text_content()
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
    assert all(one.evaluate("table => table.checkVisibility()") for one in page.locator("details table").all())
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


def of_many(folder):
    """A page about nights of one machine, in which something changed, and about two other machines."""
    folder.mkdir()
    facts = [{"tensorflow": f"2.2{night // 4}.0"} for night in range(8)]
    facts += [{"cpu": "A processor with a rather long name and 128 cores"}, {"gpu": "NVIDIA H100 80GB HBM3"}]
    for night, fact in enumerate(facts):
        factor = 1.4 if 3 < night < 8 else 1.0
        samples = {name: factor * rows for name, rows in simulate(np.random.default_rng(night)).items()}
        found = document(samples, label=f"night {night}", **fact)
        when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=night)
        files.write(msgspec.structs.replace(found, datetime=when.isoformat()), folder / f"{night}.json")
    fleet_page.write(fleet.load(fleet.find([folder])), folder / "report.html")
    return folder / "report.html"


def trained(folder):
    """A folder as a training run leaves it."""
    (folder / "plots").mkdir(parents=True)
    (folder / "plots" / "losses.csv").write_text("step,loss\n" + "".join(f"{i},{0.2 / (1 + i)}\n" for i in range(50)))
    for name in ("originals", "encodings", "reconstructions"):
        matplotlib.image.imsave(folder / "plots" / f"{name}.png", np.eye(28))
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory, reference, page_of_hostile):
    """Pages of both kinds, with everything that there may be on one."""
    folder = tmp_path_factory.mktemp("pages")
    found = {"hostile": page_of_hostile, "many": of_many(folder / "many")}
    policies = ("default/function", "growth/function", "growth+fraction-0.9/function", "growth/function/control")
    samples = simulate(np.random.default_rng(5), dict.fromkeys(policies, 1e-3))
    found["gpu"] = folder / "gpu.html"
    measured = document(samples, experiment="memory", gpu="NVIDIA H100 80GB HBM3")
    run_page.write(with_reserved(measured, [72 * 10**9, 10**7, 10**7, 10**7]), None, found["gpu"])
    for name in ("quick", "pipelines", "batch", "memory", "roofline"):
        found[name] = folder / f"{name}.html"
        run_page.write(files.read(reference / f"{name}.json"), trained(folder / name), found[name])
    return found


def violations(page):
    """The rules of axe-core that the page breaks, all of it unfolded, with the elements that break them."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = Axe().run(page).response
    assert len(found["passes"]) > 30  # it did look
    return {rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found["violations"]}


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["quick", "roofline", "many", "hostile"])
def test_axe_finds_no_violation(open_page, pages, name, color_scheme):
    assert violations(open_page(pages[name], color_scheme=color_scheme)) == {}


WRONG = [
    ("--soft: #5c5c66", "--soft: #b0b0b8", "color-contrast"),
    ('<html lang="en">', "<html>", "html-has-lang"),
    ("<h2 ", "<h5 ", "heading-order"),
    ("</h1>", "</h1><h1></h1>", "empty-heading"),
    (' role="img" aria-label="Steps', ' role="img" data-was="Steps', "svg-img-alt"),
    ("</main>", "</main><p>beside all landmarks</p>", "region"),
]


@pytest.fixture(scope="module")
def found_wrong(browser, pages, tmp_path_factory):
    """What is found on a page that is broken on purpose, in every way at once: each breaks a rule of its own."""
    text = pages["quick"].read_text()
    for good, bad, _ in WRONG:
        assert good in text
        text = text.replace(good, bad)
    broken = tmp_path_factory.mktemp("broken") / "broken.html"
    broken.write_text(text)
    with browser.new_context(color_scheme="light") as context:
        page = context.new_page()
        page.goto(f"file://{broken}")
        return violations(page)


@pytest.mark.parametrize(("good", "bad", "rule"), WRONG)
def test_axe_finds_what_is_wrong(found_wrong, good, bad, rule):
    """The check above can fail."""
    assert rule in found_wrong
    assert len(found_wrong) == len(WRONG)


# Where the words of a plot are, in its own units, without the space that a line has above and below its letters.
WORDS = """
svg => [...svg.querySelectorAll('text')].filter(text => text.textContent.trim()).map(text => {
  const [a, b] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
  const scale = svg.viewBox.baseVal.width / b.width;
  const [upright, high] = [a.width > a.height || text.textContent.length < 4, svg.viewBox.baseVal.height];
  const [x, y] = upright ? [0, 0.2 * a.height] : [0.2 * a.width, 0];
  const box = [a.left - b.left + x, a.top - b.top + y, a.right - b.left - x, a.bottom - b.top - y];
  return [text.textContent, ...box.map(place => scale * place), svg.viewBox.baseVal.width, high];
})
"""


def cut(words):
    """Texts that reach beyond their plot."""
    for text, left, top, right, bottom, width, height in words:
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            yield text


def overlapping(words):
    """Pairs of texts that lie on each other."""
    for i, (text, left, top, right, bottom, *_) in enumerate(words):
        for other, others_left, others_top, others_right, others_bottom, *_ in words[:i]:
            if left < others_right and others_left < right and top < others_bottom and others_top < bottom:
                yield text, other


@pytest.mark.parametrize("name", ["quick", "pipelines", "batch", "memory", "roofline", "gpu", "many"])
def test_no_words_of_a_plot_are_cut_or_lie_on_others(open_page, pages, name):
    plots = open_page(pages[name]).locator("svg").all()
    assert plots
    for plot in plots:
        words = plot.evaluate(WORDS)
        assert len(words) > 5
        assert list(cut(words)) == []
        assert list(overlapping(words)) == []


def test_words_that_are_cut_or_lie_on_others_are_found(open_page, tmp_path):
    figure = Figure(figsize=(4, 2))
    for x, text in ((0.1, "a longer text"), (0.2, "another text"), (0.9, "too far to the right")):
        figure.text(x, 0.5, text)
    (tmp_path / "plot.html").write_text(svg.inline(figure, "a", "a"))
    words = open_page(tmp_path / "plot.html").locator("svg").evaluate(WORDS)
    assert list(cut(words)) == ["too far to the right"]
    assert list(overlapping(words)) == [("another text", "a longer text")]
