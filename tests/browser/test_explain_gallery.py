"""The gallery of methods, by mouse."""

from __future__ import annotations

from typing import Any

from tests.browser.test_app_ways import in_a_panel

WAIT_MS = 90_000


def test_methods_are_seen_and_one_is_chosen(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.app.get_by_role("button", name="Is there a lesion?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    fourth = page.panel(4)
    page.fits()
    for choice in ("What was clicked", "Click in the viewer"):
        shown = fourth.get_by_text(choice, exact=True)
        assert shown.evaluate("e => e.scrollWidth <= e.clientWidth"), f"{choice!r} is read without its tooltip"
        assert fourth.get_by_label(choice, exact=True).is_disabled(), "no voxel has a score of its own here"
        why = shown.locator("..").get_attribute("title")
        assert why.startswith("This model ")
    page.press(fourth, "Gallery…")
    dialog = page.lab.page.locator(".mwb-gallery-dialog")
    saliency = dialog.locator("li[data-method=saliency]")
    done = "() => document.querySelector('.mwb-gallery-dialog [role=status]').textContent === ''"
    dialog.locator("img:visible").first.wait_for(timeout=WAIT_MS)
    page.lab.page.wait_for_function(done, timeout=WAIT_MS)
    if not saliency.locator("img").is_visible():
        # on a busy machine a method may not have been quick enough to be made unasked
        saliency.get_by_role("button", name="Make thumbnail").click()
        saliency.locator("img:visible").wait_for(timeout=WAIT_MS)
    cannot = dialog.locator("li[data-method=attention-rollout]")
    assert "shows no attention" in cannot.inner_text()
    assert cannot.locator(".mwb-gallery-pick").is_disabled()
    assert dialog.locator("img:visible").count() >= 2
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= 1280
    assert box["y"] + box["height"] <= 800
    page.lab.shot("app-gallery")
    saliency.locator(".mwb-gallery-pick").click()
    dialog.wait_for(state="detached")
    assert fourth.get_by_label("Method", exact=True).input_value() == "saliency"
    page.fits()
    page.lab.shot("app-gallery-chosen")
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
