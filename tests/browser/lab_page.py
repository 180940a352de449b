"""JupyterLab's parts of the extension in the words of a person: the App's panel, and volume files."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

import workbench as wb
from tests.browser.app_page import REDRAW_MS, Page

LABEL = 3
#: What the first label is drawn in: #e69f00.
ORANGE = (230, 159, 0)


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


def start_again(lab: Any) -> None:
    lab.page.locator(".wb-AppPanel").get_by_role("button", name="Start the App again").click()
    lab.page.locator(".wb-AppPanel .mwb-app").wait_for()


def close_tab(lab: Any) -> Any:
    """Click the cross of the App's tab and return the dialog that asks."""
    tab = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Medical Workbench")
    tab.locator(".lm-TabBar-tabCloseIcon").click()
    dialog = lab.page.get_by_role("dialog")
    dialog.get_by_text("Close Medical Workbench App?").wait_for()
    return dialog


def wait_until_the_layout_is_saved(lab: Any) -> None:
    """Wait until the server knows that no App is open: JupyterLab tells it a second or so after what happened."""
    name = lab.page.url.split("/workspaces/")[1].split("?")[0]
    for _ in range(80):
        with urllib.request.urlopen(lab.server.address(f"lab/api/workspaces/{name}")) as answer:
            if "medical-workbench-app:" not in answer.read().decode():
                return
        lab.page.wait_for_timeout(250)
    raise AssertionError("the layout without the App was not saved in 20 s")


def kernel_of(lab: Any) -> str:
    script = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.id"
    identity: str = lab.page.evaluate(script)
    return identity


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
