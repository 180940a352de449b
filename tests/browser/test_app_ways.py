"""What only a browser shows of the panels: where progress, faults, questions, answers and files are seen."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest

from tests.browser.app_page import Page

WAIT_MS = 60_000


def in_a_cell(lab: Any) -> Page:
    cell = lab.run_cell("import workbench as wb\napp = wb.App()\napp")
    return Page(lab, cell.locator(".mwb-app"))


def in_a_panel(open_lab: Any) -> Page:
    """The App from the launcher, in a window of 1280 x 800."""
    # a workspace of its own: JupyterLab would bring back what an earlier test left open
    lab = open_lab(f"lab/workspaces/{secrets.token_hex(4)}")
    lab.page.evaluate("() => window.jupyterapp.commands.execute('medical-workbench:open-app')")
    page = Page(lab, lab.page.locator(".wb-AppPanel .mwb-app"))
    page.kernel("from workbench.lab import kernel_app; app = kernel_app()")
    return page


def in_sight(page: Page, element: Any) -> bool:
    """Whether all of an element is inside the column of panels as it is scrolled now."""
    return bool(
        element.evaluate(
            """e => {
                const box = e.getBoundingClientRect(), column = e.closest('.mwb-app-panels').getBoundingClientRect();
                return box.height > 0 && box.top >= column.top - 1 && box.bottom <= column.bottom + 1
                    && box.bottom <= window.innerHeight;
            }"""
        )
    )


@pytest.mark.parametrize("demo", ["Is there a lesion?", "Which organ is where?", "Where are the cells?"])
def test_an_empty_app_offers_a_way_in(open_lab: Any, demo: str) -> None:
    page = in_a_panel(open_lab)
    page.fits()
    page.app.get_by_role("button", name=demo).click()
    page.app.locator(".mwb-list li").first.wait_for(timeout=WAIT_MS)
    page.app.locator(".mwb-welcome").wait_for(state="hidden")
    fourth = page.panel(4)
    assert fourth.locator(".mwb-bars li").count() >= 2
    assert in_sight(page, fourth.locator(".mwb-answer-note")), "what is answered is seen without scrolling"
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
    page.app.locator(".mwb-v-layer").nth(1).wait_for()
    page.fits()
    page.lab.shot(f"app-demo-{demo.split()[-1].strip('?')}")


def test_a_wrong_field_is_told_beside_it_and_start_cannot_be_pressed(lab: Any) -> None:
    page = in_a_cell(lab)
    page.kernel("app.data.load('phantom-ct', n=4, size=(16, 16, 16)); app.model.options = {'width': 2, 'depth': 2}")
    third = page.panel(3)
    start = third.get_by_role("button", name="Start", exact=True)
    third.locator("button:enabled", has_text="Start").wait_for()
    for text in ("-1", "0", "much", "1e999"):
        third.get_by_label("Learning rate").fill(text)
        third.locator("button:disabled", has_text="Start").wait_for()
        told = third.locator(".mwb-fault:visible")
        told.wait_for()
        assert "must be a number, above 0" in told.inner_text()
        assert third.get_by_label("Learning rate").get_attribute("aria-invalid") == "true"
    lab.shot("app-fault")
    third.get_by_label("Learning rate").fill("0.01")
    third.locator("button:enabled", has_text="Start").wait_for()
    assert start.is_enabled()
    assert page.kernel("print(app.train.learning_rate)").strip() == "0.01"
    # options of the model and of the method too
    second = page.panel(2)
    second.get_by_text("Options").click()
    page.fill(second, {"Width": "-4"})
    second.locator(".mwb-fault:visible").wait_for()
    third.locator("button:disabled", has_text="Start").wait_for()
    page.fill(second, {"Width": "2"})
    third.locator("button:enabled", has_text="Start").wait_for()
    assert page.kernel("print(app.train.run)").strip() == "None", "nothing was started on the way"


def test_a_very_large_run_asks_first_where_it_was_clicked(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.kernel("app.data.load('phantom-ct', n=4, size=(16, 16, 16)); app.model.options = {'width': 2, 'depth': 2}")
    third = page.panel(3)
    page.fill(third, {"Epochs": str(10**11)})
    page.press(third, "Start")
    question = third.locator(".mwb-question")
    question.get_by_text("years").wait_for(timeout=WAIT_MS)
    assert in_sight(page, question)
    page.lab.shot("app-question")
    question.get_by_role("button", name="Back").click()
    question.wait_for(state="hidden")
    assert page.kernel("print(app.train.run)").strip() == "None"


def test_progress_cancel_and_errors_are_in_sight_at_1280_by_800(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.kernel(
        """
import numpy as np
from workbench.volume import Volume
app.data.show(Volume(np.random.default_rng(0).normal(size=(64, 64, 64)).astype('f4')))
app.model.algorithm, app.model.variant = '3d-unet', 'full'
app.explain.method = 'occlusion'
"""
    )
    fourth = page.panel(4)
    page.press(fourth, "Explain")
    working = fourth.locator(".mwb-working:visible")
    working.wait_for()
    page.lab.page.wait_for_timeout(1500)
    assert in_sight(page, working)
    page.lab.shot("app-working")
    began = time.monotonic()
    page.press(fourth, "Cancel")
    working.wait_for(state="hidden")
    assert time.monotonic() - began < 5, "a round trip and a second"
    fourth.get_by_text("cancelled").wait_for()
    page.kernel("app.explain.in_background(app.explain.over_training)")
    error = fourth.locator(".mwb-error")
    error.get_by_text("There is no run").wait_for()
    assert in_sight(page, error)


def test_a_long_prediction_asks_first_and_is_cancelled_where_it_was_clicked(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.kernel(
        """
import numpy as np
from workbench.volume import Volume
from workbench.widgets import _explain_predicts
_explain_predicts.VERY_SLOW = 0.0
app.data.show(Volume(np.random.default_rng(0).normal(size=(160, 160, 160)).astype('f4')))
app.model.algorithm = '3d-unet'
app.model.options = {'width': 8, 'depth': 2}
app.desk.model().patch_size = (64, 64, 64)
"""
    )
    fourth = page.panel(4)
    page.press(fourth, "Predict")
    question = fourth.locator(".mwb-question")
    question.get_by_text("windows, about").wait_for(timeout=WAIT_MS)
    assert in_sight(page, question)
    page.lab.shot("app-long-prediction")
    question.get_by_role("button", name="Predict").click()
    working = fourth.locator(".mwb-working:visible")
    working.get_by_text("Predicting").wait_for(timeout=WAIT_MS)
    assert in_sight(page, working)
    began = time.monotonic()
    page.press(fourth, "Cancel")
    working.wait_for(state="hidden")
    assert time.monotonic() - began < 5, "a round trip and a second"
    assert page.kernel("print(app.explain.prediction)").strip() == "None"


def test_bars_by_class_stay_and_the_truth_is_marked(lab: Any) -> None:
    page = in_a_cell(lab)
    page.kernel("app.demos.load('classification')")
    fourth = page.panel(4)
    fourth.locator(".mwb-bars li").nth(1).wait_for()
    texts = fourth.locator(".mwb-bars li").all_inner_texts()
    assert ["%" in text for text in texts] == [True, True]
    assert "truth" in texts[1]
    width = fourth.locator(".mwb-bars-fill").nth(1).evaluate("e => e.offsetWidth / e.parentElement.offsetWidth")
    assert width > 0.9
    fourth.get_by_label("Method", exact=True).select_option("saliency")
    page.press(fourth, "Explain")
    fourth.locator(".mwb-list li").nth(1).wait_for()
    assert fourth.locator(".mwb-bars li").all_inner_texts() == texts, "another map does not take them away"


def test_boxes_are_listed_with_scores_and_found_in_the_viewer(lab: Any) -> None:
    page = in_a_cell(lab)
    page.kernel("app.demos.load('detection')")
    fourth = page.panel(4)
    fourth.locator("button.mwb-bars-row").first.click()
    page.lab.page.wait_for_timeout(500)
    place = json.loads(page.kernel("import json; print(json.dumps(app.explain.answer_told['rows'][0]['place']))"))
    assert json.loads(page.kernel("print(json.dumps(list(app.viewer.crosshair)))")) == pytest.approx(place)
    fourth.get_by_label("Colour by").select_option("match")
    page.app.get_by_text("missed: 1").wait_for()
    assert fourth.locator(".mwb-mark[data-match='true positive']").count() >= 4
    fourth.get_by_label("Least score").fill("7")
    fourth.locator(".mwb-fault:visible").wait_for()
    assert "at most 1" in fourth.locator(".mwb-fault:visible").inner_text()


def test_files_are_picked_and_no_name_is_kept(lab: Any) -> None:
    page = in_a_cell(lab)
    page.kernel(
        """
import numpy as np, pathlib
from workbench.volume import Volume
pathlib.Path('scans').mkdir(exist_ok=True)
wb.write(Volume(np.ones((6, 7, 8), 'i2')), 'scans/Jane_Doe.nii.gz')
"""
    )
    first = page.panel(1)
    first.get_by_text("Open a file", exact=True).click()
    page.press(first, "Browse…")
    dialog = lab.page.get_by_role("dialog")
    dialog.get_by_role("button", name="scans/").click()
    lab.shot("app-picker")
    dialog.get_by_role("button", name="Jane_Doe.nii.gz").press("Enter")
    first.get_by_text("6x7x8").wait_for()
    assert first.get_by_label("Path").input_value().endswith("Jane_Doe.nii.gz"), "it is told in the page that is open"
    assert "Jane" not in json.dumps(lab.saved_notebook())


def test_the_report_is_a_link(lab: Any) -> None:
    page = in_a_cell(lab)
    page.kernel("app.demos.load('classification')")
    page.press(page.app.locator(".mwb-footer"), "Save report")
    link = page.app.locator(".mwb-footer a")
    link.wait_for()
    with lab.page.context.expect_page() as opened:
        link.click()
    report = opened.value
    report.get_by_role("heading", name="Medical Workbench report").wait_for()
    report.get_by_role("heading", name="Prediction").wait_for()
    assert report.locator("figure img").count() >= 1
    report.close()


def test_an_interrupted_run_is_shown_again_with_its_data(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.kernel(
        """
import os, signal, time
from workbench.jobs.lock import holder
app.data.load('phantom-ct', n=6, size=(16, 16, 16))
app.model.options = {'width': 2, 'depth': 2}
app.train.called_run = 'to be killed'
run = app.train.start(epochs=5000, batch_size=2)
while run.status['epoch'] < 2: time.sleep(0.1)
os.kill(holder(run.path).pid, signal.SIGKILL)
while run.state != 'lost': time.sleep(0.1)
app.data.load('phantom-xray', n=4, size=(16, 16), task='classification')
"""
    )
    third = page.panel(3)
    found = third.locator(".mwb-found")
    found.get_by_text("Interrupted: to be killed").wait_for(timeout=WAIT_MS)
    found.get_by_role("button", name="Show it").click()
    third.locator(".mwb-chip[data-state=lost]", has_text="interrupted").wait_for(timeout=WAIT_MS)
    assert page.panel(1).get_by_label("Name", exact=True).input_value() == "phantom-ct"
    assert third.get_by_label("Epochs").input_value() == "5000"
    page.lab.shot("app-interrupted")
    page.press(third, "Resume")
    third.locator(".mwb-chip[data-state=running]").wait_for(timeout=WAIT_MS)
    page.press(third, "Stop")
    third.locator(".mwb-chip[data-state=stopped]").wait_for(timeout=WAIT_MS)


def test_what_is_proposed_says_why(lab: Any) -> None:
    page = in_a_cell(lab)
    third = page.panel(3)
    assert not third.get_by_text("Why these values").is_visible()
    page.kernel("app.data.load('phantom-ct', n=6, size=(16, 16, 16)); app.model.options = {'width': 2, 'depth': 2}")
    third.get_by_text("Why these values").click()
    third.locator(".mwb-why p", has_text="for sets of a few hundred images").first.wait_for()
    epochs = third.get_by_label("Epochs", exact=True)
    assert "Proposed: for sets of a few hundred images" in epochs.get_attribute("title")
    lab.shot("app-why", third)
    epochs.fill("3")
    third.locator(".mwb-why").get_by_text("3", exact=True).wait_for()
    assert "Proposed" not in epochs.get_attribute("title")
    page.fits()
    assert third.locator(".mwb-error:visible").all_inner_texts() == []
