"""Looking inside a network in the App, by mouse."""

from __future__ import annotations

from typing import Any

from tests.browser.test_app_ways import in_a_panel

WAIT_MS = 90_000


def test_a_network_is_looked_into(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    inside = page.panel(6)
    fold = inside.get_by_label("Look inside panel")
    assert fold.get_attribute("aria-expanded") == "false", "nothing is loaded"
    page.app.get_by_role("button", name="Is there a lesion?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    page.kernel("app.explain.run('occlusion', target=1, window=16, stride=16)")
    assert fold.get_attribute("aria-expanded") == "true"
    page.press(inside, "Show")
    inside.locator(".mwb-feature img").nth(11).wait_for(timeout=WAIT_MS)
    inside.locator(".mwb-feature").nth(3).click()
    page.app.locator(".mwb-v-layer", has_text="layer4 3").wait_for(timeout=WAIT_MS)
    inside.locator(".mwb-features").scroll_into_view_if_needed()
    page.lab.page.wait_for_timeout(1500)
    page.lab.shot("app-inside-features")
    for title in ("Gradient by layer", "Preprocessing", "Occluders"):
        inside.get_by_text(title, exact=True).click()
        part = inside.locator("details", has=page.lab.page.get_by_text(title, exact=True))
        page.press(part, "Measure")
        part.locator("li, td").first.wait_for(timeout=WAIT_MS)
    assert "No layer is dead" in inside.locator(".mwb-flow-told").inner_text()
    inside.locator(".mwb-occluders tbody button").first.click()
    page.app.locator(".mwb-v-layer", has_text="occluder 1").wait_for(timeout=WAIT_MS)
    inside.locator(".mwb-occluders").scroll_into_view_if_needed()
    page.lab.page.wait_for_timeout(1500)
    page.fits()
    page.lab.shot("app-inside-occluders")
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
