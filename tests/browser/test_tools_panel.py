"""Tools in the App, by mouse: a tool is chosen, previewed, run, and what it made is a layer or a table."""

from __future__ import annotations

from typing import Any

from tests.browser.test_app_ways import in_a_panel, in_sight


def test_a_tool_is_chosen_previewed_and_run(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.kernel("app.data.load('phantom-ct', n=2, size=(48, 48, 48))")
    sixth = page.panel(8)
    sixth.get_by_label("Tool", exact=True).select_option("window")
    sixth.get_by_text("Options").click()
    page.fill(sixth, {"Level": "40", "Width": "-1"})
    sixth.locator(".mwb-fault:visible").wait_for()
    assert sixth.get_by_role("button", name="Run", exact=True).is_disabled()
    page.fill(sixth, {"Width": "400"})
    sixth.get_by_label("Preview", exact=True).check()
    strip = page.app.locator(".mwb-strip:visible")
    strip.get_by_text("after").wait_for()
    assert strip.locator("img").count() == 2
    page.lab.shot("app-tools-preview")
    page.press(sixth, "Run")
    made = page.app.locator(".mwb-v-layer", has_text="Window and level 1")
    made.wait_for()
    page.lab.shot("app-tools-layer")
    heights = page.app.locator(".mwb-v-layer").evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert max(heights) <= 34, "a line for each layer, that of a CT with its windows included"
    assert page.app.locator(".mwb-v-remove:visible").count() == 1, "the image and the truth stay"
    made.get_by_role("button", name="Take Window and level 1 out of the viewer").click()
    made.wait_for(state="detached")
    sixth.get_by_label("Preview", exact=True).uncheck()
    sixth.get_by_label("Tool", exact=True).select_option("measure")
    page.press(sixth, "Run")
    table = sixth.locator(".mwb-table table")
    table.get_by_text("liver").wait_for()
    assert in_sight(page, sixth.locator(".mwb-table-scroll"))
    page.fits()
    page.lab.shot("app-tools-table")
    page.kernel(
        """
from workbench.tools import Image, tool
@tool(group="intensity", reference="none")
def brighten(image: Image, *, by: float = 1.0) -> Image:
    '''Add to every value.'''
    return image.with_data(image.data + by)
"""
    )
    sixth.locator("option", has_text="Brighten").wait_for(state="attached")
    assert sixth.locator(".mwb-error:visible").all_inner_texts() == []
