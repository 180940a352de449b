"""The App on a page as a person uses it, wherever it is shown: what the tests of cells and of the panel share."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

#: What is typed into the forms: small enough for two cores, enough to find the structure in one epoch.
HIPPOCAMPUS = {"name": "hippocampus", "options": {"Split": "0.4, 0.02, 0.58"}, "grid": "mm, RAS"}
PHANTOM = {"name": "phantom-ct", "options": {"Cases": "10", "Size": "32"}, "grid": "CT 32x32x32"}
MODEL = {"Width": "8", "Depth": "3"}
TRAINING = {"Epochs": "1", "Batch": "1", "Learning rate": "0.005"}
TRAINING_MS = 280_000
REDRAW_MS = 2500

SHOW = """
def show(*names):
    for layer in app.viewer.layers:
        layer.visible, layer.opacity = layer.name in names, 1.0
"""


class Page:
    """The App on a page, in the words of its labels; in the kernel it is called ``app``."""

    def __init__(self, lab: Any, app: Any) -> None:
        self.lab, self.app = lab, app
        self.app.get_by_label("Data panel").wait_for()

    def kernel(self, code: str) -> str:
        """Run code in the kernel without a cell, and return what it prints."""
        printed = self.lab.page.evaluate(
            """async (code) => {
                const widget = window.jupyterapp.shell.currentWidget;
                const kernel = (widget.context ?? widget).sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let printed = "";
                future.onIOPub = ({ header, content }) => {
                    if (header.msg_type === "stream") printed += content.text;
                    if (header.msg_type === "error") printed += "RAISED " + content.traceback.join("\\n");
                };
                await future.done;
                return printed;
            }""",
            code,
        )
        assert "RAISED" not in printed, printed
        return str(printed)

    def panel(self, number: int) -> Any:
        return self.app.locator(".mwb-app-panels .mwb-card").nth(number - 1)

    def fill(self, panel: Any, values: dict[str, str]) -> None:
        for label, value in values.items():
            panel.get_by_label(label, exact=True).fill(value)
            panel.get_by_label(label, exact=True).press("Tab")

    def press(self, panel: Any, name: str) -> None:
        panel.get_by_role("button", name=name, exact=True).click()

    def picture(self, name: str, *layers: str) -> np.ndarray:
        """Return what the viewer draws when only these layers are shown, opaque."""
        self.kernel(f"show({', '.join(map(repr, layers))})")
        self.lab.page.wait_for_timeout(REDRAW_MS)
        pixels: np.ndarray = self.lab.shot(name, self.app.locator(".mwb-viewer canvas").first)
        return pixels.astype(int)

    def fits(self) -> None:
        """Nothing of the App is wider than the room it has, and what is cut short has a tooltip that says all of it."""
        too_wide = self.app.evaluate(
            "app => [app, ...app.querySelectorAll('.mwb-card, .mwb-app-panels, .mwb-body')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className)"
        )
        assert not too_wide, f"wider than its room: {too_wide}"
        cut = self.app.evaluate(
            "app => [...app.querySelectorAll('*')].filter(e => e.childElementCount === 0 && e.clientWidth > 0"
            " && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'hidden'"
            " && !(e.closest('[title]')?.title ?? '').includes(e.textContent.trim())).map(e => e.textContent)"
        )
        assert not cut, f"cut short without a tooltip that says all of it: {cut}"


def go_the_whole_way(page: Page, prefix: str) -> None:
    """Load, train, explain, and prove by pixels where the map lies; screenshots are named `prefix`-something."""
    data = HIPPOCAMPUS if os.environ.get("WORKBENCH_DATA") else PHANTOM
    page.lab.shot(f"{prefix}-empty")
    page.fits()

    first = page.panel(1)
    first.get_by_label("Name", exact=True).select_option(data["name"])
    first.get_by_text("Options").click()
    page.fill(first, data["options"])
    first.get_by_text("Options").click()
    page.press(first, "Load")
    first.get_by_text(data["grid"]).wait_for()

    second = page.panel(2)
    assert second.get_by_label("Algorithm", exact=True).input_value() == "3d-unet", "what fits the data is chosen"
    second.get_by_text("Options").click()
    page.fill(second, MODEL)
    second.get_by_text("parameters").wait_for()
    second.get_by_text("Options").click()
    page.lab.shot(f"{prefix}-loaded")
    page.fits()

    third = page.panel(3)
    page.fill(third, TRAINING)
    page.press(third, "Start")
    third.locator(".mwb-chip[data-state=running]").wait_for(timeout=TRAINING_MS)
    page.lab.page.wait_for_timeout(REDRAW_MS)
    page.lab.shot(f"{prefix}-training")
    third.locator(".mwb-chip[data-state=finished]").wait_for(timeout=TRAINING_MS)
    third.locator(".mwb-chart svg path").first.wait_for()

    fourth = page.panel(4)
    page.press(fourth, "Predict")
    fourth.locator(".mwb-answer-note", has_text="prediction is shown").wait_for()
    fourth.get_by_label("Method", exact=True).select_option("grad-cam")
    page.press(fourth, "Explain")
    fourth.locator(".mwb-list li").first.wait_for()
    page.lab.page.wait_for_timeout(REDRAW_MS)
    page.lab.shot(f"{prefix}-explained")
    page.fits()
    for panel in (first, second, third, fourth):
        assert panel.locator(".mwb-error:visible").all_inner_texts() == []

    prove_that_the_map_lies_over_the_structure(page, prefix)
    page.kernel("show('image', name); newest.opacity = 0.6")
    page.lab.dark()
    page.lab.page.wait_for_timeout(REDRAW_MS)
    page.lab.shot(f"{prefix}-dark")


def prove_that_the_map_lies_over_the_structure(page: Page, prefix: str) -> None:
    page.kernel(SHOW)
    page.kernel("""
import numpy as np
newest = next(one for one in reversed(app.viewer.layers) if one.volume.kind == 'scores')
name = newest.name
label = app.explain.explanation.target.which
found = next(layer.volume for layer in app.viewer.layers if layer.name == 'prediction')
places = np.argwhere(found.data == label)
slices, counts = np.unique(places[:, 2], return_counts=True)
fullest = slices[counts.argmax()]
def go(k):
    here = places[places[:, 2] == k]
    app.viewer.crosshair = tuple(found.to_world([*here.mean(axis=0)[:2], k]))
    found_layer.volume = found.with_data(np.where(found.data == label, found.data, 0))
found_layer = next(layer for layer in app.viewer.layers if layer.name == 'prediction')
go(fullest)
""")
    viewer = page.app.locator(".mwb-viewer").first
    viewer.get_by_role("button", name="Axial", exact=True).click()
    name = page.kernel("print(name)").strip()
    bare = page.picture(f"{prefix}-slice", "image")
    structure = changed(page.picture(f"{prefix}-slice-predicted", "image", "prediction"), bare)
    heat = strength(page.picture(f"{prefix}-slice-map", "image", name), bare)
    assert structure.sum() > 100, "the structure is to be seen"
    inside, outside = heat[structure].mean(), heat[~structure].mean()
    assert inside > 3 * outside, f"the map is over the predicted structure: {inside:.1f} inside, {outside:.1f} outside"

    # One slice up or down: the map moves along.
    page.kernel("others = [k for k in slices if k != fullest]; go(others[len(others) // 4])")
    bare_there = page.picture(f"{prefix}-slice-moved", "image")
    structure_there = changed(page.picture(f"{prefix}-slice-moved-predicted", "image", "prediction"), bare_there)
    heat_there = strength(page.picture(f"{prefix}-slice-moved-map", "image", name), bare_there)
    assert changed(bare_there, bare).sum() > 100, "another slice is shown"
    assert heat_there[structure_there].mean() > 3 * heat_there[~structure_there].mean()
    page.kernel("go(fullest)")
    viewer.get_by_role("button", name="All", exact=True).click()


def strength(shown: np.ndarray, bare: np.ndarray) -> np.ndarray:
    return np.abs(shown - bare).sum(axis=2)


def changed(shown: np.ndarray, bare: np.ndarray) -> np.ndarray:
    return strength(shown, bare) > 40
