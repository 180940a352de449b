"""Jobs in the App, by mouse: listed while they work and wait, stopped, resumed, and their results opened."""

from __future__ import annotations

from typing import Any

from tests.browser.test_app_ways import in_a_cell, in_a_panel, in_sight

#: A job that stays half through until it is stopped, and one that waits for it.
HELD = """
import os
import tempfile
import workbench as wb
from workbench.jobs import Placement, Resources
from workbench.jobs.threads import available_cores

every = Placement(needs=Resources(cores=available_cores()))
place = tempfile.mkdtemp()
data = wb.datasets.load("phantom-xray", n=4, size=16)
os.environ["WORKBENCH_FAULTS"] = "progress:2:hold"
held = wb.tools.over("window", data, out=f"{place}/a", background=every)
del os.environ["WORKBENCH_FAULTS"]
held.rename("for the atlas")
import time
while held.state != "running":
    time.sleep(0.05)
scans = wb.datasets.load("phantom-ct", n=2, size=12)
waiting = wb.tools.over("distance-map", scans, out=f"{place}/b", background=every)
"""

TRAINED = """
run = wb.train("3d-unet", app.desk.case.dataset, epochs=1, width=4, depth=2, splits={"train": [0], "test": [1]}).wait()
run.evaluate(background=True).wait()
"""


def test_jobs_are_followed_stopped_resumed_and_opened(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    seventh = page.panel(9)
    # other tests of this server have jobs of their own
    page.kernel("import os, tempfile; os.environ['WORKBENCH_RUNS'] = tempfile.mkdtemp(); app.jobs.refresh()")
    seventh.get_by_text("No job yet").wait_for()
    page.kernel("app.data.load('phantom-ct', n=2, size=(24, 24, 24))")
    page.kernel("app.model.algorithm = '3d-unet'; app.model.options = {'width': 4, 'depth': 2}")
    fourth = page.panel(4)
    fourth.get_by_label("Method", exact=True).select_option("saliency")
    page.press(fourth, "In the background")
    row = seventh.locator(".mwb-jobs li", has_text="Saliency")
    row.locator(".mwb-chip[data-state=finished]").wait_for()
    row.get_by_role("button", name="Open").click()
    fourth.locator(".mwb-list li", has_text="Saliency").wait_for()
    page.app.locator(".mwb-v-layer", has_text="Saliency").wait_for()

    page.kernel(HELD)
    first = seventh.locator(".mwb-jobs li", has_text="for the atlas")
    first.locator(".mwb-chip[data-state=running]").wait_for()
    second = seventh.locator(".mwb-jobs li", has_text="distance-map on phantom-ct")
    second.locator(".mwb-chip[data-state=queued]").wait_for()
    second.get_by_text("cores").wait_for()
    seventh.scroll_into_view_if_needed()
    page.fits()
    page.lab.shot("app-jobs")
    page.lab.shot("app-jobs-panel", seventh)
    first.get_by_role("button", name="Stop").click()
    first.locator(".mwb-chip[data-state=stopped]").wait_for()
    second.locator(".mwb-chip[data-state=finished]").wait_for()
    first.get_by_role("button", name="Resume").click()
    first.get_by_text("4 cases done, 0 failed").wait_for()
    first.get_by_role("button", name="Open").click()
    told = seventh.locator(".mwb-table", has_text="4 cases done, 0 failed")
    told.wait_for()
    assert in_sight(page, told)
    page.kernel(TRAINED)
    scores = seventh.locator(".mwb-jobs li", has_text="test of 3d-unet")
    scores.get_by_role("button", name="Open").click()
    seventh.locator(".mwb-table td", has_text="dice").first.wait_for()
    page.fits()
    page.lab.dark()
    page.lab.shot("app-jobs-dark", seventh)
    assert seventh.locator(".mwb-error:visible").all_inner_texts() == []


LAST_NIGHT = """
import os
import tempfile
os.environ["WORKBENCH_RUNS"] = tempfile.mkdtemp()
import workbench as wb
data = wb.datasets.load("phantom-ct", n=4, size=12)
run = wb.train("3d-unet", data, epochs=3, width=2, depth=2, name="last night").wait()
app.jobs.refresh()
"""


def test_a_run_of_last_night_is_looked_at_without_data(open_lab: Any) -> None:
    page = in_a_panel(open_lab)
    page.kernel(LAST_NIGHT)
    welcome = page.app.locator(".mwb-welcome")
    welcome.wait_for()
    row = page.panel(9).locator(".mwb-jobs li", has_text="last night")
    assert not in_sight(page, row)
    page.lab.shot("app-empty-with-jobs")
    welcome.get_by_role("button", name="Look at jobs").click()
    page.lab.page.wait_for_timeout(300)
    assert in_sight(page, row)
    page.lab.shot("app-empty-at-jobs")
    row.get_by_role("button", name="Open").click()
    page.panel(3).locator(".mwb-chip[data-state=finished]").wait_for()
    page.panel(3).locator(".mwb-chart svg path").first.wait_for()
    assert welcome.is_visible(), "nothing had to be loaded"
    page.fits()
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []


def test_the_panels_have_room_in_an_empty_app_of_a_cell(lab: Any) -> None:
    page = in_a_cell(lab)
    page.app.locator(".mwb-welcome").get_by_role("button", name="Look at jobs").click()
    lab.page.wait_for_timeout(300)
    lab.shot("app-cell-at-jobs")
    assert page.app.locator(".mwb-app-panels").bounding_box()["height"] >= 540
    assert in_sight(page, page.panel(9).locator(".mwb-head"))
    page.fits()


def test_a_job_below_its_cell_is_live(lab: Any) -> None:
    lab.run_cell(f"{HELD}\nos.environ.pop('WORKBENCH_FAULTS', None)")
    cell = lab.run_cell("held")
    view = cell.locator(".mwb-card")
    view.locator(".mwb-chip[data-state=running]").wait_for()
    lab.shot("job-view", view)
    view.get_by_role("button", name="Stop").click()
    view.locator(".mwb-chip[data-state=stopped]").wait_for()
    view.get_by_role("button", name="Resume").click()
    view.locator(".mwb-chip[data-state=finished]").wait_for()
    view.get_by_text("4 cases done, 0 failed").wait_for()
    told = lab.run_cell("waiting.wait(); None")
    told.get_by_text("finished, 2 cases done, 0 failed").wait_for()
    lab.shot("job-waited-for", told)
    assert view.locator(".mwb-error:visible").all_inner_texts() == []
