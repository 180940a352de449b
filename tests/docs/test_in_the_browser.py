"""The site as a browser shows it, straight from the disk: nothing is asked of any host, no script fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import ARTIFACTS, browser
from tests.docs.site import build

__all__ = ["browser"]

pytestmark = pytest.mark.browser
PAGES = ("docs/index", "docs/user-guide", "docs/generated/api/workbench.io", "docs/zoo", "notebooks/tour")


@pytest.fixture(params=["light", "dark"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=request.param)
    opened = context.new_page()
    opened.wrong = []

    def request_sent(sent: Any) -> None:
        if not sent.url.startswith(("file:", "data:")):
            opened.wrong.append(sent.url)

    opened.on("request", request_sent)
    opened.on("console", lambda said: opened.wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
    yield opened
    context.close()
    assert opened.wrong == []


def test_pages_look_right_in_both_themes(page: Any, request: pytest.FixtureRequest) -> None:
    theme = request.node.callspec.params["page"]
    ARTIFACTS.mkdir(exist_ok=True)
    for name in PAGES:
        page.goto((build() / f"{name}.html").as_uri())
        page.wait_for_load_state("load")
        assert page.locator("html").get_attribute("data-theme") == theme
        page.screenshot(path=ARTIFACTS / f"site-{name.replace('/', '-')}-{theme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} scrolls sideways"
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        levels = [int(value) for value in background.removeprefix("rgb(").rstrip(")").split(",")]
        assert (sum(levels) / 3 > 128) == (theme == "light"), background
        missing = "[...document.images].filter(one => !one.complete || one.naturalWidth === 0).map(one => one.src)"
        assert page.evaluate(missing) == []


def test_the_search_finds_a_function_without_a_server(page: Any) -> None:
    page.goto((build() / "search.html").as_uri() + "?q=list_series")
    page.wait_for_selector("#search-results li a", timeout=30_000)
    found = page.locator("#search-results li a").all_inner_texts()
    assert any("list_series" in text for text in found)


def test_the_folder_of_the_site_opens_on_its_first_page(page: Any) -> None:
    page.goto((build() / "index.html").as_uri())
    page.wait_for_url("**/docs/index.html")
    assert page.locator("h1").first.inner_text().startswith("Medical Workbench")
    assert Path(build() / "docs" / "index.html").exists()
