"""Cases in a plane, by mouse: laid out, chosen with the lasso, shown by a click."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.test_app_ways import in_a_panel, in_sight

pytest.importorskip("openTSNE")
WAIT_MS = 120_000


def test_cases_are_laid_out_chosen_and_shown(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.app.get_by_role("button", name="Is there a lesion?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    panel = page.panel(7)
    panel.get_by_label("Cases in a plane panel").wait_for()
    page.press(panel, "Lay out")
    dots = panel.locator(".mwb-plane circle")
    dots.first.wait_for(timeout=WAIT_MS)
    assert dots.count() == int(page.kernel("print(len(app.embedding.spots))"))
    plane = panel.locator(".mwb-plane")
    page.lab.page.wait_for_timeout(500)
    assert in_sight(page, plane), "what was asked for is seen without scrolling"
    box = plane.bounding_box()
    mouse = page.lab.page.mouse
    # around the left half
    corners = [(0.002, 0.002), (0.5, 0.002), (0.5, 0.998), (0.002, 0.998)]
    mouse.move(box["x"] + box["width"] * 0.002, box["y"] + box["height"] * 0.002)
    mouse.down()
    for x, y in corners:
        mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=4)
    mouse.up()
    panel.get_by_text("chosen:").wait_for(timeout=WAIT_MS)
    found = page.kernel(
        "print(sorted(s['index'] for s in app.embedding.spots if 10 + s['x'] * 280 < 150) == app.embedding.chosen)"
    )
    assert found.strip() == "True"
    page.lab.shot("app-plane-chosen")
    now = page.kernel("print(app.embedding.current)").strip()
    other = panel.locator(f".mwb-plane-list button:not(:text-is('{now}'))").first
    number = other.inner_text()
    dot = panel.locator(f"circle[data-index='{number}']").bounding_box()
    mouse.click(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    panel.locator(".mwb-dot-now").wait_for(timeout=WAIT_MS)
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    page.lab.page.wait_for_timeout(2500)
    assert page.kernel("print(app.data.index == app.embedding.current)").strip() == "True"
    page.fits()
    page.lab.shot("app-plane")
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
