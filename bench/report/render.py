"""A page as one HTML file: Jinja escapes all words, and a policy in the page forbids any script but its own."""

import base64
import hashlib
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.report.page import Page
from bench.results import atomic


def to_file(page: Page, path: Path) -> None:
    """Write the page, atomically."""
    atomic.write(path, html(page).encode(errors="replace"))


def html(page: Page) -> str:
    """The whole text of the file."""
    environment = Environment(
        loader=PackageLoader("bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _part("sort.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        page=page,
        sections=[section for section in page.sections if not section.is_empty],
        style=Markup(_part("style.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=digest,
        markup=Markup,
    )


def _part(name: str) -> str:
    return (resources.files("bench.report") / "templates" / name).read_text(encoding="utf-8")
