"""Maps side by side in the App: one crosshair for all, and how far they agree."""

from __future__ import annotations

from typing import Any

from tests.browser.test_app_ways import in_a_panel

WAIT_MS = 90_000


def test_maps_are_compared_under_one_crosshair(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.app.get_by_role("button", name="Which organ is where?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    page.kernel("app.explain.run('saliency', target=1); app.explain.run('input-x-gradient', target=1)")
    strip = page.app.locator(".mwb-strip:visible")
    table = strip.locator(".mwb-agreement table")
    table.wait_for(timeout=WAIT_MS)
    assert table.locator("tbody tr").count() == 3
    cell = table.locator("tbody tr").nth(2).locator("td").nth(1)
    expected = page.kernel("print(f'{app.explain.strip.agreement[\"ranks\"][2][1]:.2f}')").strip()
    assert cell.inner_text() == expected
    before = page.kernel("print(app.viewer.crosshair)")
    tile = strip.locator(".mwb-tile-picture").first
    tile.scroll_into_view_if_needed()
    box = tile.bounding_box()
    page.lab.page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    page.lab.page.wait_for_function(
        "() => Math.abs(parseFloat("
        "document.querySelector('.mwb-strip:not([hidden]) .mwb-cross-x').style.left) - 30) < 2"
    )
    assert page.kernel("print(app.viewer.crosshair)") != before
    table.scroll_into_view_if_needed()
    page.lab.page.wait_for_timeout(1500)
    page.fits()
    page.lab.shot("app-compare")
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
