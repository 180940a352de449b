"""The App as a person uses it: load a case, choose a model, train, explain, look - in JupyterLab, in Chromium."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.browser.app_page import REDRAW_MS, Page, go_the_whole_way


def in_a_cell(lab: Any) -> Page:
    cell = lab.run_cell("import workbench as wb\napp = wb.App()\napp")
    return Page(lab, cell.locator(".mwb-app"))


@pytest.mark.slow
def test_the_whole_way(lab: Any) -> None:
    page = in_a_cell(lab)
    go_the_whole_way(page, "app")
    case = page.kernel("print(app.data.sample['id'])").strip()
    assert case
    assert case not in json.dumps(lab.saved_notebook()), "a saved notebook must not name a patient"


def test_by_keyboard_and_with_a_screen_reader(lab: Any) -> None:
    page = in_a_cell(lab)
    nameless = page.app.evaluate(
        """app => [...app.querySelectorAll('.mwb-ui :is(button, select, input)')]
            .filter(e => !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim())
            .map(e => e.outerHTML)"""
    )
    assert nameless == []
    untold = page.app.evaluate(
        """app => [...app.querySelectorAll('.mwb-app-panels :is(button, select, input:not([type=radio]))')]
            .filter(e => !e.title && !e.closest('[title]')).map(e => e.outerHTML)"""
    )
    assert untold == [], "every control has a tooltip"
    # JupyterLab puts the focus on the next cell some time after one was run
    lab.page.wait_for_timeout(REDRAW_MS)
    name = page.panel(1).get_by_label("Name", exact=True)
    name.focus()
    lab.page.keyboard.type("phantom-ct")
    # the kernel says what may be pressed, and only that is reached by Tab
    page.panel(1).locator("button:enabled", has_text="Load").wait_for()
    assert name.evaluate("e => e === document.activeElement"), "the focus stays where a person is"
    cells = lab.page.locator(".jp-Notebook .jp-Cell").count()
    lab.page.keyboard.type("phantom-ct")
    assert lab.page.locator(".jp-Notebook .jp-Cell").count() == cells, "letters are not the notebook's"
    lab.page.keyboard.press("Tab")
    seen = []
    for _ in range(6):
        seen.append(lab.page.evaluate("() => document.activeElement.textContent || document.activeElement.tagName"))
        if seen[-1] == "Load":
            break
        lab.page.keyboard.press("Tab")
    assert seen[-1] == "Load", seen
    lab.page.keyboard.press("Enter")
    page.panel(1).get_by_text(re.compile(r"CT \d+x\d+x\d+")).first.wait_for()
    page.panel(1).locator("button:enabled", has_text="Load").wait_for()
    assert lab.page.evaluate("() => document.activeElement.textContent") == "Load", "it was disabled while it worked"
    # An error is told in the panel, with what to do, and can be put away without a mouse.
    page.panel(1).get_by_text("Open a file", exact=True).click()
    page.panel(1).get_by_label("Path").fill("nothing/here.nii.gz")
    lab.page.keyboard.press("Enter")
    alert = page.panel(1).locator(".mwb-error")
    alert.wait_for()
    lab.shot("app-error")
    assert "nothing/here.nii.gz does not exist" in alert.inner_text(), "the page that is open names the file"
    assert "here.nii" not in json.dumps(lab.saved_notebook()), "a saved notebook does not: it may be a patient's"
    alert.get_by_role("button").press("Enter")
    alert.wait_for(state="hidden")


def test_copy_as_code_runs_in_a_new_cell(lab: Any) -> None:
    page = in_a_cell(lab)
    page.kernel("app.data.load('phantom-ct', n=4, size=(16, 16, 16)); app.model.options = {'width': 2, 'depth': 2}")
    page.kernel("made = app.explain.run('saliency', target=1)")
    page.press(page.app.locator(".mwb-footer"), "Copy as code")
    dialog = lab.page.get_by_role("dialog")
    dialog.wait_for()
    code = dialog.locator(".mwb-code").inner_text()
    lab.shot("app-code")
    lab.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    lab.run_cell(code)
    assert lab.python("bool((why.data == made.data).all())")


@pytest.mark.parametrize("width", [640, 1024])
def test_nothing_scrolls_sideways_in_a_narrow_window(lab: Any, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 800})
    page = in_a_cell(lab)
    page.kernel("app.data.load('phantom-ct', n=4, size=(16, 16, 16))")
    lab.page.wait_for_timeout(REDRAW_MS)
    lab.shot(f"app-{width}")
    page.fits()
