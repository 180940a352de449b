"""The side panel of runs, by mouse and keyboard: what is under way moves, is stopped, resumed, opened and deleted."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from tests.browser.conftest import opening, running_server
from tests.browser.lab_page import app_of
from workbench.jobs.files import write_json
from workbench.training import Recipe
from workbench.training.run import create

TAB = "[data-id=medical-workbench-runs]"
#: Longer than the panel waits between two looks, whether something is under way or not.
SEVERAL_LOOKS_MS = 7000

TRAIN = """
import workbench as wb
data = wb.datasets.load("phantom-ct", n=4, size=16)
run = wb.train("3d-unet", data, epochs={epochs}, width=2, depth=2, name="{name}")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_server(tmp_path_factory.mktemp("lab-runs"), runs="notebooks/study/runs") as running:
        yield running


@pytest.fixture
def lab(server: Any, browser: Any) -> Iterator[Any]:
    with opening(server, browser) as open_lab:
        yield open_lab(f"lab/workspaces/{secrets.token_hex(4)}")


def kernel(lab: Any, code: str) -> None:
    """Run code in a kernel of its own, which is gone afterwards."""
    told = lab.page.evaluate(
        """async (code) => {
            const { kernels } = window.jupyterapp.serviceManager;
            const kernel = await kernels.startNew({ name: "python3" }, { handleComms: false });
            const done = await kernel.requestExecute({ code }).done;
            await kernel.shutdown();
            return done.content.status === "ok" ? "" : `${done.content.ename}: ${done.content.evalue}`;
        }""",
        code,
    )
    assert told == ""


def shown(lab: Any) -> Any:
    """Click the panel's tab and return the panel."""
    lab.page.locator(TAB).click()
    panel = lab.page.locator(".wb-RunsPanel")
    panel.locator("h2", has_text="Runs").wait_for()
    return panel


def epoch(row: Any) -> int:
    found = re.search(r"epoch (\d+)/", row.locator(".mwb-jobs-told").inner_text())
    return int(found.group(1)) if found else 0


def moves(lab: Any, row: Any) -> None:
    first = epoch(row)
    for _ in range(120):
        if epoch(row) > first:
            return
        lab.page.wait_for_timeout(250)
    pytest.fail(f"the run is at epoch {first} for 30 s")


def fits(panel: Any) -> None:
    wide = panel.evaluate(
        """panel => [panel, ...panel.querySelectorAll('*')].filter(e => e.clientWidth > 0 &&
            e.scrollWidth > e.clientWidth + 1 && !['PRE', 'SPAN'].includes(e.tagName)).map(e => e.className)"""
    )
    assert wide == []


def test_a_run_is_followed_stopped_resumed_and_deleted_without_a_kernel(lab: Any) -> None:
    panel = shown(lab)
    panel.get_by_text("No run yet.").wait_for()
    lab.shot("lab-runs-empty")
    fits(panel)
    kernel(lab, TRAIN.format(epochs=4000, name="first try"))
    row = panel.locator(".mwb-jobs li", has_text="first try")
    row.locator(".mwb-chip[data-state=running]").wait_for()
    assert panel.get_by_role("status").inner_text() == "1 under way"
    moves(lab, row)
    row.get_by_role("img", name=re.compile("dice by epoch")).wait_for()
    row.get_by_text("left").wait_for()
    row.get_by_text("cpu").wait_for()
    assert row.get_by_role("button", name="Delete").count() == 0, "nothing is deleted under a worker"
    lab.shot("lab-runs-running")
    fits(panel)

    # the page is reloaded: the panel is where it was, and the run has gone on without a kernel
    assert lab.server.kernels() == []
    lab.page.wait_for_timeout(1500)  # JupyterLab saves the layout a second after it changed
    lab.page.reload()
    lab.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
    row.locator(".mwb-chip[data-state=running]").wait_for()
    moves(lab, row)

    # by keyboard
    stop = row.get_by_role("button", name="Stop first try")
    stop.focus()
    lab.page.keyboard.press("Enter")
    row.locator(".mwb-chip[data-state=stopped]").wait_for()
    stopped = epoch(row)
    row.get_by_role("button", name="Resume first try").click()
    row.locator(".mwb-chip[data-state=running]").wait_for()
    moves(lab, row)
    assert epoch(row) >= stopped
    row.get_by_role("button", name="Stop first try").click()
    row.locator(".mwb-chip[data-state=stopped]").wait_for()
    lab.dark()
    lab.shot("lab-runs-dark")
    lab.dark(False)

    row.get_by_role("button", name="Delete first try").click()
    dialog = lab.page.get_by_role("dialog")
    dialog.get_by_text("study/runs/").wait_for()
    lab.shot("lab-runs-deleting")
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")
    [folder] = (lab.server.folder / "study" / "runs").iterdir()
    row.get_by_role("button", name="Delete first try").click()
    lab.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    row.wait_for(state="detached")
    assert not folder.exists()
    panel.get_by_text("No run yet.").wait_for()


def test_nothing_is_asked_while_the_panel_is_hidden(lab: Any) -> None:
    asked: list[str] = []
    lab.page.on("request", lambda sent: asked.append(sent.url) if "/medical-workbench/runs" in sent.url else None)
    lab.page.wait_for_timeout(SEVERAL_LOOKS_MS)
    assert asked == [], "a panel that was never opened asks nothing"
    shown(lab)
    lab.page.wait_for_timeout(SEVERAL_LOOKS_MS)
    assert len(asked) >= 2
    for hide in ("shell.collapseLeft()", "shell.activateById('filebrowser')"):
        lab.page.evaluate("(id) => window.jupyterapp.shell.activateById(id)", "medical-workbench-runs")
        lab.page.wait_for_timeout(500)
        lab.page.evaluate(f"() => window.jupyterapp.{hide}")
        lab.page.wait_for_timeout(500)
        before = len(asked)
        lab.page.wait_for_timeout(SEVERAL_LOOKS_MS)
        assert asked[before:] == [], hide
    # back in sight it asks at once
    with lab.page.expect_request(lambda sent: "/medical-workbench/runs" in sent.url, timeout=2000):
        lab.page.evaluate("() => window.jupyterapp.commands.execute('medical-workbench:show-runs')")


def test_a_run_is_opened_in_the_app(lab: Any) -> None:
    kernel(lab, TRAIN.format(epochs=2, name="short") + "run.wait()")
    panel = shown(lab)
    row = panel.locator(".mwb-jobs li", has_text="short")
    row.locator(".mwb-chip[data-state=finished]").wait_for()
    row.get_by_role("button", name="Open short").click()
    lab.page.locator(".wb-AppPanel .mwb-app").wait_for()
    page = app_of(lab)
    page.panel(3).locator(".mwb-run-name", has_text="short").wait_for()
    page.panel(3).locator(".mwb-chart svg path").first.wait_for()
    lab.shot("lab-runs-opened")
    assert panel.locator(".mwb-error:visible").all_inner_texts() == []


def test_two_runs_are_compared(lab: Any) -> None:
    for name, epochs in (("wide", 6), ("deep", 4)):
        kernel(lab, TRAIN.format(epochs=epochs, name=name) + "run.wait()")
    panel = shown(lab)
    button = panel.get_by_role("button", name="Compare", exact=True)
    panel.get_by_role("checkbox", name="Compare wide").check()
    assert button.is_disabled(), "one run is nothing to compare"
    panel.get_by_role("checkbox", name="Compare deep").check()
    lab.shot("lab-runs-chosen")
    fits(panel)
    button.click()
    comparison = lab.page.locator(".wb-RunsComparison:visible")
    loss = comparison.locator(".mwb-chart", has_text="Loss")
    loss.wait_for()
    assert loss.locator("svg path").count() == 2
    keys = loss.locator(".mwb-key").all_inner_texts()
    assert [key.split()[0] for key in keys] == ["wide", "deep"]
    assert len({path.evaluate("e => getComputedStyle(e).stroke") for path in loss.locator("svg path").all()}) == 2
    comparison.locator(".mwb-chart", has_text="dice").first.wait_for()
    lab.page.wait_for_timeout(1500)  # the button, once pressed, loses what shows that it is
    lab.shot("lab-runs-compared")
    lab.dark()
    lab.shot("lab-runs-compared-dark")
    lab.dark(False)
    # behind another tab it asks nothing; as both runs have ended, seldom before
    asked: list[str] = []
    lab.page.on("request", lambda sent: asked.append(sent.url) if "/runs/curves" in sent.url else None)
    lab.page.wait_for_timeout(SEVERAL_LOOKS_MS)
    assert 2 <= len(asked) <= 4
    lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Launcher").click()
    lab.page.wait_for_timeout(500)
    before = len(asked)
    lab.page.wait_for_timeout(SEVERAL_LOOKS_MS)
    assert asked[before:] == []
    lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Compare").click()
    lab.page.wait_for_timeout(1500)  # JupyterLab saves the layout a second after it changed
    lab.page.reload()
    lab.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
    loss.locator("svg path").nth(1).wait_for()


def test_every_state_is_told_in_a_narrow_panel(lab: Any, server: Any) -> None:
    runs = server.folder / "study" / "runs"
    words = {
        "failed": (
            "The loss is not a number at step 12 of epoch 3: the learning rate is too high.",
            "Lower lr, then resume().",
        ),
        "stopped": ("", ""),
        "running": ("", ""),  # by a worker that is gone
        "queued": ("", ""),
    }
    for n, (state, (cause, remedy)) in enumerate(words.items()):
        folder = runs / f"2026010{n}-{state}"
        run = create(folder, Recipe(algorithm="fully-convolutional-network" if n == 1 else "3d-unet"))
        status = {"state": state, "cause": cause, "remedy": remedy, "message": "Waiting: 4 cores are taken by others."}
        write_json(folder / "status.json", {**asdict(run._kind.status(epochs=10)), **status, "launch": "gone"})
    broken = create(runs / "20260109-broken", Recipe(algorithm="3d-unet"))
    (broken.path / "status.json").write_text("{")
    panel = shown(lab)
    for said in ("failed", "stopped", "interrupted", "queued", "unreadable"):
        panel.locator(".mwb-chip", has_text=said).wait_for()
    fits(panel)
    lab.shot("lab-runs-states", panel)
    lab.dark()
    lab.shot("lab-runs-states-dark", panel)
    lab.dark(False)
    # what cannot be read can still be deleted
    panel.get_by_role("button", name="Delete 20260109-broken").click()
    lab.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    panel.locator(".mwb-chip", has_text="unreadable").wait_for(state="detached")
    assert not broken.path.exists()
    assert panel.locator(".mwb-error:visible").all_inner_texts() == []


def test_a_server_that_does_not_answer_is_told_and_asked_again(lab: Any) -> None:
    panel = shown(lab)
    panel.locator(".mwb-jobs:visible, .wb-RunsPanel-empty:visible").first.wait_for()
    lab.page.route("**/medical-workbench/runs*", lambda route: route.abort())
    panel.get_by_role("button", name="Look again").click()
    panel.get_by_text("The jobs cannot be listed.").wait_for()
    lab.shot("lab-runs-lost")
    lab.page.unroute("**/medical-workbench/runs*")
    panel.get_by_role("button", name="Look again").click()
    panel.get_by_text("The jobs cannot be listed.").wait_for(state="detached")
    lab.errors.clear()  # Chromium writes each request that failed
