"""Can a map be trusted? Asked in the App, by mouse."""

from __future__ import annotations

from typing import Any

from tests.browser.test_app_ways import in_a_panel, in_sight


def test_maps_are_checked_and_told_in_sentences(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.app.get_by_role("button", name="Is there a lesion?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=60_000)
    page.kernel("app.explain.run('saliency', target=1)")
    fifth = page.panel(5)
    fifth.get_by_label("Does the score come back with it?").check()
    page.press(fifth, "Check")
    found = fifth.locator(".mwb-trust section")
    found.first.wait_for(timeout=60_000)
    assert found.count() == 2
    assert found.locator("h4").all_inner_texts() == ["Grad-CAM: lesion", "Saliency: lesion"]
    follows = found.first.locator("li", has_text="Does it follow the weights?")
    assert "Made with random weights" in follows.inner_text()
    assert in_sight(page, found.first.locator("li").first)
    # without labels to compare with, what needs them cannot be ticked and says why
    fifth.get_by_label("Labels", exact=True).select_option("")
    energy = fifth.get_by_label("How much of the map lies on it?")
    page.lab.page.wait_for_function("e => e.disabled", arg=energy.element_handle())
    assert "there are none" in fifth.locator(".mwb-trust-checks [title^='Not now']").first.get_attribute("title")
    page.fits()
    page.lab.shot("app-trust")
    page.press(fifth, "Over the data set")
    begun = fifth.locator(".mwb-found")
    begun.get_by_text("in the background").wait_for(timeout=60_000)
    assert in_sight(page, begun)
    begun.get_by_role("button", name="Look at jobs").click()
    page.lab.page.wait_for_timeout(500)
    assert in_sight(page, page.app.get_by_label("Jobs panel"))
    page.kernel("import workbench as wb; [job.wait(120) for job in wb.jobs(kind='explanation-scores')]")
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
