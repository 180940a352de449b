"""Notebook 7: the same viewer and App, each document on a page of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.app_page import REDRAW_MS
from tests.browser.conftest import PATIENCE_MS, Lab, watch
from tests.browser.lab_page import drawn, write_labels

#: What Notebook 7's pages write without us: a setting is read before its schema is there, a command is called before it
#: is there, the page that hands a console over gives up asking for its history, and the console page has no icon.
NOTEBOOKS_OWN = (
    ("static/notebook/notebook_core", "reading 'schema'"),
    ("static/notebook/notebook_core", "'filebrowser:open-path' not registered"),
    ("static/notebook/notebook_core", "Canceled future for history_request"),
    ("404", "favicons/favicon-console.ico"),
)


def _notebooks_own(line: str) -> bool:
    return "labextensions" not in line and any(all(part in line for part in parts) for parts in NOTEBOOKS_OWN)


@pytest.fixture
def classic(server: Any, browser: Any) -> Iterator[Lab]:
    """Notebook 7's pages, served beside JupyterLab."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    lab = Lab(context.new_page(), server)
    context.on("page", lambda page: watch(page, lab))
    watch(lab.page, lab)
    try:
        yield lab
    finally:
        context.close()
        server.stop_kernels()
    lab.errors[:] = [line for line in lab.errors if not _notebooks_own(line)]
    lab.check()


def test_notebook_7_opens_volumes_from_its_tree_and_the_app_by_command(classic: Lab, server: Any) -> None:
    write_labels(server.folder / "classic.nii.gz")
    page = classic.page
    page.goto(server.address("tree"))
    with page.expect_popup() as opened:
        page.locator(".jp-DirListing-item", has_text="classic.nii.gz").dblclick()
    stage = drawn(opened.value.locator(".wb-VolumeView"))
    assert (classic.shot("classic-document", stage)[..., 0] > 80).sum() > 1000
    classic.shot("classic-document-page", opened.value)

    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input").fill("Medical Workbench")
    with page.expect_popup() as opened:
        page.locator(".lm-CommandPalette-item", has_text="Medical Workbench").first.click()
    opened.value.locator(".wb-AppPanel .mwb-app .mwb-card").first.wait_for()
    assert opened.value.locator(".jp-CodeConsole").count() == 0


def test_notebook_7_has_the_app_in_its_new_menu_and_among_what_runs(classic: Lab) -> None:
    page = classic.page
    page.goto(classic.server.address("tree"))
    page.locator(".jp-DropdownMenu").get_by_text("New", exact=True).click()
    entry = page.locator(".lm-Menu-item", has_text="Medical Workbench App")
    entry.wait_for()
    classic.shot("classic-new")
    words = [text.strip() for text in page.locator(".lm-Menu-item").all_inner_texts()]
    assert words.count("Medical Workbench App") == 1
    with page.expect_popup() as opened:
        entry.click()
    app = opened.value
    app.locator(".wb-AppPanel .mwb-app .mwb-card").first.wait_for()
    app.wait_for_timeout(REDRAW_MS)
    classic.shot("classic-app", app)
    assert app.title() == "Medical Workbench App"
    address = app.url
    app.reload()
    app.locator(".wb-AppPanel .mwb-app .mwb-card").first.wait_for()

    page.get_by_role("tab", name="Running").click()
    running = page.locator(".jp-RunningSessions-item.jp-mod-kernel-widget", has_text="Medical Workbench App")
    running.wait_for()
    classic.shot("classic-running")
    with page.expect_popup() as again:
        running.locator(".jp-RunningSessions-itemLabel").click()
    again.value.locator(".wb-AppPanel .mwb-app .mwb-card").first.wait_for()
    assert again.value.url.split("?")[0] == address.split("?")[0], "the App that runs, and not another"


def test_notebook_7_shows_the_widgets(classic: Lab, server: Any) -> None:
    sources = [
        "import numpy as np, workbench as wb",
        "volume = np.zeros((30, 30, 30), np.float32); volume[5:25, 5:25, 5:25] = 1",
        "wb.view(volume)",
        "wb.App()",
    ]
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{n}",
                "metadata": {},
                "outputs": [],
                "source": source,
                "execution_count": None,
            }
            for n, source in enumerate(sources)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (server.folder / "classic.ipynb").write_text(json.dumps(notebook))
    page = classic.page
    page.goto(server.address("notebooks/classic.ipynb"))
    # what is run before the kernel answers is dropped by Notebook without a word
    classic.wait_for_kernel()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    stage = drawn(page.locator(".jp-CodeCell").nth(2))
    stage.scroll_into_view_if_needed()
    assert (classic.shot("classic-view", stage).min(axis=2) > 200).sum() > 1000
    app = page.locator(".jp-CodeCell").nth(3).locator(".mwb-app")
    app.get_by_label("Data panel").wait_for()
    app.scroll_into_view_if_needed()
    page.wait_for_timeout(REDRAW_MS)
    classic.shot("classic-app-cell")
    assert app.evaluate("app => app.scrollWidth <= app.clientWidth + 1")
