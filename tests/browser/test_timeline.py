"""Maps that are played in the viewer: slider, playback, and the strip beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.browser.test_app_ways import in_a_panel

WAIT_MS = 90_000


def test_maps_by_layer_are_played(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.app.get_by_role("button", name="Is there a lesion?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    fourth = page.panel(4)
    bar = page.app.locator(".mwb-v-timeline")
    assert bar.is_hidden()
    page.press(fourth, "By layer")
    bar.wait_for(timeout=WAIT_MS)
    last = int(bar.locator("input").get_attribute("max"))
    assert bar.locator("input").input_value() == str(last)
    page.lab.page.wait_for_timeout(1500)
    late = page.lab.shot("app-timeline", page.app.locator(".mwb-viewer canvas").first).astype(int)
    bar.get_by_label("Speed").select_option("8")
    bar.get_by_role("button", name="Play").click()
    bar.get_by_role("button", name="Pause").wait_for()
    bar.get_by_role("button", name="Play").wait_for(timeout=WAIT_MS)
    assert bar.locator("input").input_value() == str(last), "it plays to the end"
    slider = bar.get_by_label("Step", exact=True)
    for key, frame in (("Home", 0), ("ArrowRight", 1)):
        slider.press(key)
        assert slider.input_value() == str(frame), "the slider stays where it was put"
        page.lab.page.wait_for_timeout(1000)
        assert page.kernel("print(app.viewer.frame)").strip() == str(frame)
    page.app.locator(".mwb-strip:visible figcaption button").first.click()
    page.app.locator(".mwb-tile-now").first.wait_for()
    asked = "print(app.viewer.frame == len(app.viewer.frames) - len(app.explain.strip.tiles))"
    assert page.kernel(asked).strip() == "True"
    page.lab.page.wait_for_timeout(2500)
    early = page.lab.shot("app-timeline-early", page.app.locator(".mwb-viewer canvas").first).astype(int)
    assert np.abs(early - late).mean() > 2, "another map is shown"
    page.fits()
    page.lab.shot("app-timeline")
    page.app.locator(".mwb-strip:visible").scroll_into_view_if_needed()
    page.lab.shot("app-timeline-strip")
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
