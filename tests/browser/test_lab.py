"""The App in JupyterLab as a person meets it: from the launcher, in a panel of its own, with a kernel of its own."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import pytest

from tests.browser.app_page import REDRAW_MS, Page, changed, go_the_whole_way, strength
from tests.browser.lab_page import (
    app_of,
    close_tab,
    kernel_of,
    open_app,
    start_again,
    wait_until_the_layout_is_saved,
)


def load_phantom(page: Page) -> None:
    page.panel(1).get_by_label("Name", exact=True).select_option("phantom-xray")
    page.press(page.panel(1), "Load")
    page.panel(1).locator(".mwb-summary:visible").wait_for()
    page.lab.page.wait_for_timeout(REDRAW_MS)


@pytest.mark.slow
def test_the_launcher_opens_the_app_in_a_panel_that_outlives_the_page_and_the_kernel(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    before = lab.server.kernels()
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
    assert lab.page.locator(".jp-CodeConsole, .jp-Cell").count() == 0, "a panel, and not a console in disguise"
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

    # the kernel is restarted from the menu: the panel says so, and what to do
    restarting = lab.page.evaluate_handle("() => ({ done: window.jupyterapp.commands.execute('kernelmenu:restart') })")
    lab.page.locator(".jp-Dialog button.jp-mod-accept").click()
    restarting.evaluate("async (command) => { await command.done; }")
    panel.get_by_text("The kernel was restarted").wait_for()
    assert page.app.count() == 0, "what was drawn belonged to the kernel that is gone"
    lab.shot("lab-app-gone")
    start_again(lab)
    page.app.get_by_text("Choose a data set, or open a file").wait_for()
    page = app_of(lab)
    assert page.kernel("print(hasattr(app, 'mark'))").strip() == "False"
    load_phantom(page)
    lab.shot("lab-app-restarted")


def test_closing_the_app_asks_what_becomes_of_its_kernel(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    page = open_app(lab)
    own = kernel_of(lab)
    page.kernel("app.mark = 'kept'")
    dialog = close_tab(lab)
    lab.shot("lab-app-closing")
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")
    assert page.app.is_visible()

    # kept running: listed by name, found again by the launcher and in the list, also after a reload
    close_tab(lab).get_by_role("button", name="Keep it running").click()
    page.app.wait_for(state="detached")
    assert own in lab.server.kernels()
    page = open_app(lab)
    assert kernel_of(lab) == own
    assert page.kernel("print(app.mark)").strip() == "kept"
    close_tab(lab).get_by_role("button", name="Keep it running").click()
    page.app.wait_for(state="detached")
    wait_until_the_layout_is_saved(lab)
    lab.page.reload()
    lab.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
    lab.page.evaluate("async () => { await window.jupyterapp.restored; }")
    assert lab.page.locator(".wb-AppPanel").count() == 0, "what was closed stays closed"
    lab.page.locator(".jp-SideBar [data-id=jp-running-sessions]").click()
    entry = lab.page.locator(".jp-RunningSessions-item.jp-mod-kernel-widget", has_text="Medical Workbench App")
    entry.first.wait_for()
    lab.shot("lab-running")
    lab.page.evaluate(
        """async (kernel) => {
            const { sessions } = window.jupyterapp.serviceManager;
            await sessions.refreshRunning();
            const { path, name, type } = [...sessions.running()].find((one) => one.kernel.id === kernel);
            await window.jupyterapp.commands.execute("running:kernel-open-session", { path, name, type });
        }""",
        own,
    )
    page = app_of(lab)
    assert kernel_of(lab) == own
    assert page.kernel("print(app.mark)").strip() == "kept"

    # stopped: nothing is left of it
    close_tab(lab).get_by_role("button", name="Stop kernel and close").click()
    page.app.wait_for(state="detached")
    for _ in range(40):
        if own not in lab.server.kernels():
            break
        lab.page.wait_for_timeout(250)
    assert own not in lab.server.kernels()


def test_a_kernel_that_dies_is_told_and_the_app_can_be_started_again(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    page = open_app(lab)
    page.kernel("import os, threading; threading.Timer(0.5, os._exit, (1,)).start()")
    told = lab.page.locator(".wb-AppPanel-notice")
    told.get_by_text("The kernel died").wait_for()
    lab.shot("lab-app-died")
    start_again(lab)
    page = app_of(lab)

    # shut down by somebody else, such as from the list of kernels
    lab.page.evaluate("(kernel) => window.jupyterapp.serviceManager.kernels.shutdown(kernel)", kernel_of(lab))
    told.get_by_text("The kernel was stopped").wait_for()
    start_again(lab)
    page = app_of(lab)
    page.fits()


def test_the_app_has_a_menu_of_its_own(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    page = open_app(lab)
    page.app.locator(".mwb-card").first.click(button="right", position={"x": 150, "y": 4})
    menu = lab.page.locator(".lm-Menu-item:visible")
    menu.first.wait_for()
    lab.shot("lab-app-menu")
    # a column for shortcuts, which there are none of, may follow the words
    assert [text.strip() for text in menu.all_inner_texts()[:2]] == ["Restart Kernel and App…", "Close App…"]
    assert not [text for text in menu.all_inner_texts() if "Console" in text or "Cell" in text]
    lab.page.keyboard.press("Escape")
    # what is typed in has the browser's menu, to paste by; JupyterLab's does not open over it
    page.panel(3).get_by_label("Epochs", exact=True).click(button="right")
    lab.page.wait_for_timeout(500)
    assert lab.page.locator(".lm-Menu:visible").count() == 0
    lab.page.keyboard.press("Escape")


def test_two_apps_have_names_and_kernels_of_their_own(open_lab: Any, server: Any) -> None:
    (server.folder / "study").mkdir(exist_ok=True)
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    open_app(lab)
    first = kernel_of(lab)
    opening = "(cwd) => window.jupyterapp.commands.execute('medical-workbench:open-app', { cwd })"
    lab.page.evaluate(opening, "study")
    lab.page.locator(".wb-AppPanel:visible .mwb-app").wait_for()
    assert kernel_of(lab) != first
    page = Page(lab, lab.page.locator(".wb-AppPanel:visible .mwb-app"))
    page.kernel("import os; from workbench.lab import kernel_app; kernel_app()")
    assert page.kernel("print(os.path.basename(os.getcwd()))").strip() == "study"
    tabs = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Medical Workbench App")
    assert tabs.count() == 2


@pytest.mark.slow
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
    weak = float(page.kernel("print(weak)"))
    assert weak < 0.75
    assert changed(there, bare)[seen].mean() > 0.1, "another slice is shown at the structure's place"
    assert left[seen].mean() < (weak + 0.1) * heat[seen].mean(), "the map has moved on with the slice"
