"""The JupyterLab extension as a person meets it: the launcher's App, and volume files opened by double-click."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.browser.app_page import Page, changed, go_the_whole_way, strength
from tests.browser.conftest import PATIENCE_MS, Lab, watch

LABEL = 3
#: What the first label is drawn in: #e69f00.
ORANGE = (230, 159, 0)
REDRAW_MS = 2500


# -- the App's panel ------------------------------------------------------------------------------------------


def open_app(lab: Any) -> Page:
    """Click the launcher's card and return the App of the panel that appears."""
    lab.page.locator(".jp-LauncherCard", has_text="Medical Workbench").click()
    return app_of(lab)


def app_of(lab: Any) -> Page:
    page = Page(lab, lab.page.locator(".wb-AppPanel .mwb-app"))
    # after a reload the panel is seen and not yet the one in use
    lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Medical Workbench").click()
    page.kernel("from workbench.lab import kernel_app\napp = kernel_app()")
    return page


def kernels(lab: Any) -> list[str]:
    with urllib.request.urlopen(lab.server.address("api/kernels")) as answer:
        return [kernel["id"] for kernel in json.load(answer)]


def kernel_of(lab: Any) -> str:
    script = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
    identity: str = lab.page.evaluate(script)
    return identity


def load_phantom(page: Page) -> None:
    page.panel(1).get_by_label("Name", exact=True).select_option("phantom-xray")
    page.press(page.panel(1), "Load")
    page.panel(1).locator(".mwb-summary:visible").wait_for()
    page.lab.page.wait_for_timeout(REDRAW_MS)


def test_the_launcher_opens_the_app_in_a_panel_that_outlives_the_page_and_the_kernel(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    before = kernels(lab)
    icon = lab.page.locator(".jp-LauncherCard", has_text="Medical Workbench").locator("img")
    assert icon.get_attribute("src").startswith("data:image/svg")
    lab.shot("lab-launcher")
    page = open_app(lab)
    own = kernel_of(lab)
    assert own not in before, "the App has a kernel of its own"
    lab.page.wait_for_timeout(REDRAW_MS)
    lab.shot("lab-app-empty")

    tab = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Medical Workbench")
    assert tab.locator("svg").count() >= 1
    panel = lab.page.locator(".wb-AppPanel")
    for machinery in (".jp-CodeConsole-input", ".jp-CodeConsole-banner", ".jp-Cell-inputWrapper", ".jp-OutputPrompt"):
        assert panel.locator(f"{machinery}:visible").count() == 0, machinery
    page.fits()
    sideways = panel.evaluate(
        """panel => [panel, ...panel.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 &&
            ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).map(e => e.className)"""
    )
    assert sideways == []
    footer = page.app.locator(".mwb-footer").bounding_box()
    assert footer["y"] + footer["height"] <= 800, "the whole App is on the screen"

    # the page is reloaded: the same App of the same kernel, with what was done in it
    load_phantom(page)
    page.kernel("app.mark = 'before the reload'")
    drawn = lab.shot("lab-app-loaded", page.app.locator(".mwb-v-stage").first)
    lab.page.reload()
    lab.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
    page = app_of(lab)
    assert kernel_of(lab) == own
    assert page.kernel("print(app.mark)").strip() == "before the reload"
    page.panel(1).locator(".mwb-summary:visible").wait_for()
    lab.page.wait_for_timeout(2 * REDRAW_MS)
    again = lab.shot("lab-app-reloaded", page.app.locator(".mwb-v-stage").first)
    assert lab.page.locator(".wb-AppPanel .mwb-app").count() == 1
    assert drawn.std() > 20
    assert again.std() == pytest.approx(drawn.std(), rel=0.1), "the picture is drawn again"
    page.press(page.panel(1), "Load")
    page.panel(1).locator(".mwb-summary:visible").wait_for()

    # the kernel is restarted from the menu: a fresh App, alive
    restarting = lab.page.evaluate_handle("() => ({ done: window.jupyterapp.commands.execute('kernelmenu:restart') })")
    lab.page.locator(".jp-Dialog button.jp-mod-accept").click()
    restarting.evaluate("async (command) => { await command.done; }")
    page.app.get_by_text("Choose a data set, or open a file").wait_for()
    page = app_of(lab)
    assert page.kernel("print(hasattr(app, 'mark'))").strip() == "False"
    load_phantom(page)
    lab.shot("lab-app-restarted")


def test_from_the_launcher_to_an_overlay(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    page = open_app(lab)
    go_the_whole_way(page, "lab-whole")

    # where the map is drawn strongest inside the structure, a click tells the kernel a voxel of that structure
    page.kernel("app.viewer.panes = 'axial'; app.viewer.convention = 'radiological'; go(fullest)")
    bare = page.picture("lab-click-bare", "image")
    heat = strength(page.picture("lab-click-map", "image", page.kernel("print(name)").strip()), bare)
    seen = changed(page.picture("lab-click-predicted", "image", "prediction"), bare)
    row, column = np.unravel_index(np.argmax(np.where(seen, heat, 0)), heat.shape)
    page.app.locator(".mwb-viewer canvas").first.click(position={"x": float(column), "y": float(row)})
    lab.page.wait_for_timeout(REDRAW_MS)
    near = """
i, j, k = np.rint(found.to_voxel(app.viewer.crosshair)).astype(int)
print(bool((found.data[i-1:i+2, j-1:j+2, k] == label).any()), k == fullest)"""
    assert page.kernel(near).split() == ["True", "True"]

    # far from the structure its place shows no map any more
    page.kernel("""
size = found.shape[2]
heat = app.explain.explanation.data.mean(axis=(0, 1))
away = min(range(size), key=lambda k: float(heat[k]))
weak = float(heat[away] / heat[fullest])
app.viewer.crosshair = (*app.viewer.crosshair[:2], float(found.to_world([0, 0, away])[2]))""")
    there = page.picture("lab-away-bare", "image")
    left = strength(page.picture("lab-away-map", "image", page.kernel("print(name)").strip()), there)
    assert float(page.kernel("print(weak)")) < 0.5
    assert changed(there, bare)[seen].mean() > 0.1, "another slice is shown at the structure's place"
    assert left[seen].mean() < 0.5 * heat[seen].mean(), "the map has moved on with the slice"


# -- volume files ---------------------------------------------------------------------------------------------


def write_labels(path: Path) -> wb.Volume:
    """A block of one label, off-centre on an oblique, flipped and anisotropic grid."""
    turn = np.deg2rad(20)
    affine = np.eye(4)
    rotation = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    affine[:3, :3] = rotation @ np.diag([-1.0, 1.2, 1.5])
    affine[:3, 3] = [40, -20, -20]
    data = np.zeros((60, 50, 40), np.uint8)
    data[6:26, 22:40, 14:30] = LABEL
    volume = wb.Volume(data, affine, kind="labels", labels={LABEL: "lesion"})
    wb.write(volume, path)
    return volume


def double_click(lab: Any, name: str) -> Any:
    """Open a file from the file browser and return its panel."""
    lab.page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:refresh')")
    lab.page.locator(".jp-DirListing-item", has_text=name).first.dblclick()
    return lab.page.locator(".jp-Document:visible", has=lab.page.locator(".wb-VolumeView"))


def drawn(panel: Any) -> Any:
    panel.locator(".mwb-v-stage canvas").wait_for()
    panel.locator(".mwb-v-message").wait_for(state="hidden")
    panel.page.wait_for_timeout(2 * REDRAW_MS)
    return panel.locator(".mwb-v-stage")


def test_double_click_opens_a_volume_in_the_viewer(open_lab: Any, server: Any) -> None:
    volume = write_labels(server.folder / "oblique.nii.gz")
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    before = kernels(lab)
    panel = double_click(lab, "oblique.nii.gz")
    stage = drawn(panel)
    lab.shot("lab-document")
    assert kernels(lab) == before, "a file needs no kernel"

    panel.get_by_role("button", name="Axial").click()
    lab.page.wait_for_timeout(REDRAW_MS)
    middle = volume.to_world([15.5, 30.5, 21.5])
    picture = lab.shot("lab-document-axial", stage).astype(int)
    # the label's orange, at half opacity over black; not the crosshair's blue, not the letters' yellow
    block = np.argwhere(np.abs(picture - np.array(ORANGE) // 2).max(axis=2) < 25)
    assert len(block) > 5000
    row, column = block.mean(axis=0)
    panel.locator("canvas").click(position={"x": float(column), "y": float(row)})
    lab.page.wait_for_timeout(REDRAW_MS)
    text = panel.locator(".mwb-v-readout").inner_text()
    lab.shot("lab-document-clicked")
    found = [float(part) for part in text.split("RAS (")[1].split(")")[0].split(",")]
    assert found[:2] == pytest.approx(middle[:2], abs=0.8)
    assert "lesion" in text


def test_other_formats_and_broken_files(open_lab: Any, server: Any) -> None:
    data = np.zeros((30, 24, 18), np.int16)
    data[5:15, 4:12, 3:15] = 700
    wb.write(wb.Volume(data, np.diag([-1.5, 1.0, 2.0, 1.0])), server.folder / "scan.mha")
    (server.folder / "diary.nii.gz").write_text("Dear diary, this is no volume.")
    whole = server.folder / "whole.nii"
    wb.write(wb.Volume(data), whole)
    (server.folder / "short.nii").write_bytes(whole.read_bytes()[:3000])

    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    stage = drawn(double_click(lab, "scan.mha"))
    picture = lab.shot("lab-document-mha", stage)
    assert (picture.min(axis=2) > 200).sum() > 1000, "the bright block is seen"

    for name in ("diary.nii.gz", "short.nii"):
        panel = double_click(lab, name)
        told = panel.locator(".wb-VolumeView-failure, .mwb-v-bad")
        told.wait_for()
        lab.shot(f"lab-document-broken-{name.split('.')[0]}")
        words = told.inner_text()
        assert name in words or "ends early" in words, words
        assert str(server.folder) not in words
    # the server answered 400, which Chromium writes to the console as an error of its own
    assert all("400 (Bad Request)" in line for line in lab.errors), lab.errors
    lab.errors.clear()


# -- Notebook 7 -----------------------------------------------------------------------------------------------


#: What Notebook 7's pages write without us: a setting is read before its schema is there, the page that hands a console
#: over gives up asking for its history, and the console page has no icon.
NOTEBOOKS_OWN = (
    ("static/notebook/notebook_core", "reading 'schema'"),
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
    yield lab
    context.close()
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
    opened.value.wait_for_timeout(REDRAW_MS)
    classic.shot("classic-app", opened.value)
    assert opened.value.locator(".jp-CodeConsole-input:visible").count() == 0


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
