"""Ways into the workbench that are easily forgotten: a hub's address, other formats, a page reloaded in a training."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.browser.app_page import REDRAW_MS, Page
from tests.browser.conftest import opening, running_server
from tests.browser.lab_page import app_of, double_click, drawn, open_app, start_again

BRIGHT = 700


def write_block(path: Path, slices: int = 18) -> wb.Volume:
    """A bright block on a dark ground, in HU; it lies towards the patient's right and anterior."""
    data = np.full((40, 32, slices), -900, np.int16)
    data[5:15, 18:28, slices // 4 : slices - slices // 4] = BRIGHT
    volume = wb.Volume(data, np.diag([-1.5, 1.0, 2.0, 1.0]), unit="HU")
    wb.write(volume, path)
    return volume


def bright(picture: np.ndarray) -> np.ndarray:
    """Return rows and columns of the pixels that the block is drawn by."""
    return np.argwhere(picture.min(axis=2) > 200)


def refused(page: Any) -> list[str]:
    """Note every answer that says no."""
    answers: list[str] = []
    page.on("response", lambda got: answers.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    page.on("requestfailed", lambda sent: answers.append(f"{sent.failure} {sent.url}"))
    return answers


def test_double_click_below_the_address_of_a_hub(browser: Any, tmp_path: Path) -> None:
    with running_server(tmp_path, "/hub/user/") as server, opening(server, browser) as open_lab:
        write_block(server.folder / "scan.nii.gz")
        lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
        answers = refused(lab.page)
        asked: list[str] = []
        lab.page.on("request", lambda sent: asked.append(sent.url))
        stage = drawn(double_click(lab, "scan.nii.gz"))
        assert len(bright(lab.shot("lab-hub-document", stage))) > 1000
        assert any("/hub/user/medical-workbench/brick" in url for url in asked)
        assert answers == []


@pytest.mark.parametrize(("name", "slices"), [("block.nrrd", 18), ("slice.dcm", 1)])
def test_double_click_opens_other_formats(open_lab: Any, server: Any, name: str, slices: int) -> None:
    write_block(server.folder / name, slices)
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    answers = refused(lab.page)
    panel = double_click(lab, name)
    drawn(panel)
    panel.get_by_role("button", name="Axial", exact=True).click()
    lab.page.wait_for_timeout(REDRAW_MS)
    picture = lab.shot(f"lab-document-{name.replace('.', '-')}", panel.locator(".mwb-v-stage"))
    lab.shot(f"lab-document-{name.replace('.', '-')}-page")
    block = bright(picture)
    assert len(block) > 2000, "the bright block is seen"
    height, width = picture.shape[:2]
    row, column = block.mean(axis=0)
    assert column < width / 2, "the patient's right is on the left of the screen"
    assert row < height / 2, "anterior is above"
    # and where it is seen, there it is
    panel.locator("canvas").click(position={"x": float(column), "y": float(row)})
    lab.page.wait_for_timeout(REDRAW_MS)
    assert f"{BRIGHT} HU" in panel.locator(".mwb-v-readout").inner_text()
    assert answers == []


SIZES = [(1280, 800), (1440, 900), (1920, 1080)]


@pytest.mark.slow
def test_the_app_in_its_panel_shows_everything_at_every_size(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    page = open_app(lab)
    lab.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    page.kernel("""
app.data.load('phantom-ct', n=4, size=(32, 32, 32))
for name in ('prediction', 'other'):
    app.viewer.add(app.data.truth, name=name)""")
    page.app.locator(".mwb-v-layer").nth(3).wait_for()
    # what an import says on the way has no place above the App
    page.kernel("import sys; print('building the font cache', file=sys.stderr)")
    for dark in (False, True):
        lab.dark(dark)
        for width, height in [*SIZES, *reversed(SIZES)]:
            lab.page.set_viewport_size({"width": width, "height": height})
            lab.page.wait_for_timeout(REDRAW_MS // 2)
            lab.shot(f"lab-app-{width}-{'dark' if dark else 'light'}")
            layout(lab, page)


def layout(lab: Any, page: Page) -> None:
    """The App begins at the top of its panel, and no column of it hides the end of the viewer."""
    box = {
        name: lab.page.locator(f".wb-AppPanel {name}").first.bounding_box()
        for name in (
            ".wb-AppPanel-body", ".mwb-app-grid", ".mwb-app-viewer", ".mwb-viewer", ".mwb-v-stage",
            ".mwb-v-layers", ".mwb-footer",
        )
    }  # fmt: skip
    end = {name: found["y"] + found["height"] for name, found in box.items()}
    assert 0 <= box[".mwb-app-grid"]["y"] - box[".wb-AppPanel-body"]["y"] <= 12, "no empty space above the App"
    assert end[".mwb-v-layers"] <= end[".mwb-viewer"] <= end[".mwb-app-viewer"] <= box[".mwb-footer"]["y"]
    assert end[".mwb-app-viewer"] - end[".mwb-viewer"] < 1, "the viewer fills its column"
    assert end[".mwb-footer"] <= end[".wb-AppPanel-body"]
    assert box[".mwb-v-stage"]["height"] > 0.5 * box[".mwb-app-viewer"]["height"], "most of it are pictures"
    scrolls = page.app.evaluate(
        """app => ['.mwb-app-viewer', '.mwb-v-layers', '.mwb-app-grid'].map(name => app.querySelector(name))
            .filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.className)"""
    )
    assert scrolls == []


# -- a page that is reloaded while a run trains ---------------------------------------------------------------


def epoch(page: Page) -> int:
    """The epoch that the train panel tells."""
    text = page.panel(3).locator(".mwb-run .mwb-bar-text").inner_text()
    return int(text.split("epoch ")[1].split("/")[0])


def goes_on(page: Page) -> None:
    """The panel shows the run, its curve, and its epochs counting up."""
    panel = page.panel(3)
    panel.locator(".mwb-chip[data-state=running]").wait_for()
    panel.locator(".mwb-chart svg path").first.wait_for()
    first = epoch(page)
    for _ in range(60):
        page.lab.page.wait_for_timeout(500)
        if epoch(page) > first:
            return
    pytest.fail(f"the run is at epoch {first} for 30 s")


def offered(page: Page) -> Any:
    """Return the button that shows a run which is under way or was interrupted."""
    return page.panel(3).locator(".mwb-found").get_by_role("button", name="Show it")


@pytest.mark.slow
def test_a_run_is_found_again_after_a_reload_and_in_another_kernel(open_lab: Any) -> None:
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    page = open_app(lab)
    page.kernel("""
app.data.load('phantom-ct', n=6, size=(16, 16, 16))
app.model.options = {'width': 2, 'depth': 2}
app.train.start(epochs=5000, batch_size=2)""")
    name = page.kernel("print(app.train.run.id)").strip()
    try:
        goes_on(page)
        before = epoch(page)

        # the page is reloaded: the same App, its curves going on
        lab.page.reload()
        lab.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
        page = app_of(lab)
        assert page.kernel("print(app.train.run.id)").strip() == name
        goes_on(page)
        assert epoch(page) > before
        lab.shot("lab-run-reloaded")
        assert page.kernel("print(len(app.train.run.metrics()) > 0)").strip() == "True"

        # the kernel is gone: a new one offers the run that its predecessor started
        before = epoch(page)
        script = "() => ({ done: window.jupyterapp.commands.execute('kernelmenu:restart') })"
        restarting = lab.page.evaluate_handle(script)
        lab.page.locator(".jp-Dialog button.jp-mod-accept").click()
        restarting.evaluate("async (command) => { await command.done; }")
        start_again(lab)
        offered(page).wait_for()
        lab.shot("lab-run-offered")
        page = app_of(lab)
        assert page.kernel(
            "import workbench as wb\nprint([run.id for run in wb.runs() if run.state == 'running'])"
        ).strip() == repr([name])
        offered(page).click()
        goes_on(page)
        assert epoch(page) > before
        lab.shot("lab-run-found")
        assert not offered(page).is_visible()
    finally:
        page.kernel(f"import workbench as wb\n[run for run in wb.runs() if run.id == {name!r}][0].stop()")
    page.panel(3).locator(".mwb-chip[data-state=stopped]").wait_for()
