"""The App as a person uses it: load a case, choose a model, train, explain, look."""

from __future__ import annotations

from typing import Any


def test_app(lab: Any) -> None:
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    cell = lab.run_cell("import workbench as wb\napp = wb.App()\napp")
    app = cell.locator(".mwb-app")
    app.locator(".mwb-card").first.wait_for()
    lab.page.wait_for_timeout(3000)
    lab.shot("app-empty")
    app.get_by_label("Data set", exact=True).select_option("hippocampus")
    app.get_by_role("button", name="Load", exact=True).click()
    app.get_by_text("mm, RAS").first.wait_for()
    lab.page.wait_for_timeout(8000)
    lab.shot("app-loaded")
    print(lab.errors, lab.strangers)
    app.screenshot(path="test-artifacts/app-loaded-whole.png")
