"""A map saved by mouse, and the report of a case as a page that prints well."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import ARTIFACTS
from tests.browser.test_app_ways import in_a_panel

WAIT_MS = 120_000


def test_a_map_is_saved_where_a_person_picks(open_lab: Any, server: Any) -> None:
    page = in_a_panel(open_lab)
    page.app.get_by_role("button", name="Is there a lesion?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    fourth = page.panel(4)
    folder = page.kernel("import os; os.makedirs('maps', exist_ok=True); print(os.path.abspath('maps'))").strip()
    page.press(fourth, "Save…")
    dialog = page.lab.page.locator("dialog", has_text="Save Grad-CAM")
    dialog.get_by_label("As", exact=True).select_option(".png")
    assert dialog.get_by_label("Name", exact=True).input_value() == "grad-cam-lesion.png"
    page.press(dialog, "Browse…")
    picker = page.lab.page.locator("dialog", has_text="Save a map")
    picker.get_by_role("button", name="maps/", exact=True).click()
    picker.locator(".mwb-place", has_text=folder).wait_for()
    page.lab.shot("app-save-pick")
    page.press(picker, "Use this folder")
    assert dialog.get_by_label("Folder", exact=True).input_value() == folder
    page.lab.shot("app-save")
    page.press(dialog, "Save")
    fourth.get_by_text("Saved grad-cam-lesion.png in").wait_for(timeout=WAIT_MS)
    assert page.kernel("print(open('maps/grad-cam-lesion.png', 'rb').read(4)[1:])").strip() == "b'PNG'"
    page.fits()
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []


def test_the_report_is_printed_and_fits_on_paper(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.app.get_by_role("button", name="Is there a lesion?").click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    page.kernel(
        "app.explain.run('occlusion', target=1, window=16, stride=16); app.inside.look_at_features();"
        "app.inside.measure_flow(); app.inside.measure_occluders(); app.embedding.embed()"
    )
    page.app.get_by_role("button", name="Print, PDF").click()
    sheet = page.lab.page.frame_locator("iframe.mwb-print")
    sheet.get_by_text("Scores by occluder").first.wait_for(state="attached", timeout=WAIT_MS)
    html = page.kernel("from workbench.widgets.report import make_page; print(make_page(app.desk))")
    paper = page.lab.page.context.new_page()
    paper.set_content(html)
    pdf = paper.pdf(path=ARTIFACTS / "report.pdf", format="A4", print_background=True)
    assert pdf.startswith(b"%PDF")
    paper.emulate_media(media="print")
    paper.set_viewport_size({"width": 690, "height": 900})
    wide = paper.evaluate("document.documentElement.scrollWidth")
    assert wide <= 690, "nothing is cut off at the edge of the paper"
    paper.screenshot(path=ARTIFACTS / "report-print.png", full_page=True)
    paper.close()
