"""The tools of the viewer as a person uses them, with mouse and keys. Proofs are what Python is told, and pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.browser.test_viewer import SCENE, shown, stage

#: Two marks in one axial slice of the oblique grid.
MARKS = (
    SCENE
    + """
marks = np.zeros(i.shape, np.uint8)
marks[13:16, 19:22, 18:23] = 1
marks[43:46, 31:34, 18:23] = 2
seg = Volume(marks, affine, kind="labels", labels={1: "one", 2: "other"})
ends = [ct.to_world([14, 20, 20]), ct.to_world([44, 32, 20])]
shown = Layer(seg, opacity=1.0, colors={2: "#d020d0"})
viewer = wb.view(ct, shown, panes="axial", crosshair=tuple(ct.to_world([29, 26, 20])))
viewer
"""
)
#: Theirs.
COLORS = ((230, 159, 0), (208, 32, 208))


def mark(picture: np.ndarray, color: tuple[int, int, int]) -> tuple[float, float]:
    """Return where the middle of a mark is seen, in pixels from the left and the top."""
    rows, columns = np.nonzero(np.abs(picture.astype(int) - color).max(axis=-1) < 25)
    assert len(rows) > 20
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


def drag(lab: Any, canvas: Any, start: tuple[float, float], stop: tuple[float, float], button: str = "left") -> None:
    """Drag from one point of the canvas to another, as a hand does."""
    # what ran meanwhile has scrolled the notebook on
    canvas.scroll_into_view_if_needed()
    lab.page.wait_for_timeout(300)
    box = canvas.bounding_box()
    lab.page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    lab.page.mouse.down(button=button)
    lab.page.mouse.move(box["x"] + stop[0], box["y"] + stop[1], steps=6)
    lab.page.mouse.up(button=button)
    lab.page.wait_for_timeout(800)


def pressed(viewer: Any) -> list[str]:
    """Return the names of the tools whose buttons are down."""
    tools = viewer.get_by_role("group", name="Tools").get_by_role("button")
    return [
        tools.nth(n).get_attribute("aria-label")
        for n in range(tools.count())
        if tools.nth(n).get_attribute("aria-pressed") == "true"
    ]


def test_a_known_distance_is_measured_drawn_and_put_away(lab: Any) -> None:
    viewer = shown(lab.run_cell(MARKS))
    picture = stage(lab, viewer, "viewer-marks")
    one, other = (mark(picture, color) for color in COLORS)
    canvas = viewer.locator("canvas")
    true = lab.python("float(np.linalg.norm(ends[1] - ends[0]))")

    assert pressed(viewer) == ["Navigate"]
    viewer.get_by_role("button", name="Measure").click()
    assert pressed(viewer) == ["Measure"]
    assert canvas.evaluate("(element) => getComputedStyle(element).cursor") == "crosshair"
    drag(lab, canvas, one, other)
    assert lab.python("viewer.tool") == "measure"
    [line] = lab.python("viewer.measurements")
    # a pixel of the screen is a fifth of a millimetre
    assert line["length"] == pytest.approx(true, abs=0.5)
    assert line["unit"] == "mm"
    expected = lab.python("[list(map(float, end)) for end in ends]")
    assert line["start"] == pytest.approx(expected[0], abs=0.5)
    assert line["stop"] == pytest.approx(expected[1], abs=0.5)
    assert viewer.locator(".mwb-v-lines text").text_content() == f"{line['length']:.3g} mm"
    lab.shot("viewer-measured", viewer)

    # the line is where it was measured and nowhere else; two clicks make another
    before = lab.python("list(viewer.crosshair)")
    lab.run_cell("viewer.crosshair = tuple(ct.to_world([29, 26, 25]))")
    lab.page.wait_for_timeout(1000)
    assert viewer.locator(".mwb-v-lines text").count() == 0
    lab.run_cell(f"viewer.crosshair = {before}")
    lab.page.wait_for_timeout(1000)
    assert viewer.locator(".mwb-v-lines text").count() == 1
    canvas.click(position={"x": one[0], "y": one[1]})
    canvas.click(position={"x": one[0], "y": other[1]})
    lab.page.wait_for_timeout(800)
    lengths = lab.python("[one['length'] for one in viewer.measurements]")
    assert len(lengths) == 2
    assert lengths[1] < lengths[0]
    viewer.get_by_role("button", name="All").click()
    lab.page.wait_for_timeout(1500)
    lab.shot("viewer-measured-all", viewer)

    canvas.focus()
    canvas.press("Delete")
    assert viewer.locator(".mwb-v-lines text").count() == 1
    canvas.press("Escape")
    assert viewer.locator(".mwb-v-lines text").count() == 0
    # the second of two changes waits until the kernel has taken the first
    lab.page.wait_for_timeout(800)
    assert lab.python("viewer.measurements") == []

    # and one that Python draws
    lab.run_cell("viewer.measurements = [{'start': ends[0], 'stop': ends[1]}]")
    lab.page.wait_for_timeout(800)
    assert viewer.locator(".mwb-v-lines text").text_content() == f"{true:.3g} mm"


def test_a_window_is_dragged_and_a_voxel_picked(lab: Any) -> None:
    viewer = shown(
        lab.run_cell(
            MARKS + "\nviewer.layers[0].window = (0.0, 200.0)\npicks = []\nviewer.on_pick(picks.append)\nviewer"
        )
    )
    canvas = viewer.locator("canvas")
    canvas.focus()
    canvas.press("w")
    assert pressed(viewer) == ["Window"]
    darker = stage(lab, viewer, "viewer-window-before").mean()
    box = canvas.bounding_box()
    middle = (box["width"] / 2, box["height"] / 2)
    crosshair = lab.python("list(viewer.crosshair)")
    # 100 pixels to the right: twice as wide; 50 upwards: lower by a quarter of what it was
    drag(lab, canvas, middle, (middle[0] + 100, middle[1] - 50))
    assert lab.python("list(viewer.layers[0].window)") == pytest.approx([-150, 250], abs=0.5)
    assert lab.python("list(viewer.crosshair)") == crosshair, "a drag with this tool moves nothing"
    # it is the same with the right button, whatever the tool is
    canvas.press("n")
    drag(lab, canvas, middle, (middle[0] - 100, middle[1]), button="right")
    assert lab.python("list(viewer.layers[0].window)") == pytest.approx([-50, 150], abs=0.5)
    assert stage(lab, viewer, "viewer-window-after").mean() > darker + 5
    assert viewer.get_by_label("Lowest value of image shown, HU").input_value() == "-50"

    # a click is a pick with that tool alone
    one = mark(stage(lab, viewer, "viewer-pick"), COLORS[0])
    canvas.click(position={"x": one[0], "y": one[1]})
    lab.page.wait_for_timeout(800)
    assert lab.python("len(picks)") == 0
    viewer.get_by_role("button", name="Pick").click()
    canvas.click(position={"x": one[0], "y": one[1]})
    lab.page.wait_for_timeout(800)
    ijk, values = lab.python("[viewer.picked.ijk, [float(value) for value in viewer.picked.values.values()]]")
    assert np.abs(np.array(ijk) - [14, 20, 20]).max() <= 1
    assert values == [lab.python(f"float(ct.data[{tuple(ijk)}])"), 1.0]
    assert lab.python("len(picks)") == 1


def test_a_double_click_shows_one_view_alone_ctrl_and_wheel_zoom_to_the_pointer_and_help_is_a_key_away(
    lab: Any,
) -> None:
    lab.run_cell(MARKS)
    viewer = shown(lab.run_cell("viewer.panes = 'all'\nviewer"))
    canvas = viewer.locator("canvas")
    before = stage(lab, viewer, "viewer-all")
    # the four views lie side by side: the first mark is seen in the axial one, the first
    at = mark(before[:, : before.shape[1] // 4], COLORS[0])
    canvas.dblclick(position={"x": at[0], "y": at[1]})
    lab.page.wait_for_timeout(1000)
    assert lab.python("viewer.panes") == "axial"
    alone = mark(stage(lab, viewer, "viewer-alone"), COLORS[0])
    size = (np.abs(stage(lab, viewer, "viewer-alone").astype(int) - COLORS[0]).max(axis=-1) < 25).sum()
    box = canvas.bounding_box()
    lab.page.mouse.move(box["x"] + alone[0], box["y"] + alone[1])
    lab.page.keyboard.down("Control")
    for _ in range(3):
        lab.page.mouse.wheel(0, -100)
    lab.page.keyboard.up("Control")
    lab.page.wait_for_timeout(1000)
    zoomed = stage(lab, viewer, "viewer-zoomed")
    larger = (np.abs(zoomed.astype(int) - COLORS[0]).max(axis=-1) < 25).sum()
    assert 1.2**6 * 0.8 < larger / size < 1.2**6 * 1.25
    assert np.abs(np.subtract(mark(zoomed, COLORS[0]), alone)).max() < 6, "what is under the pointer stays there"
    viewer.get_by_role("button", name="Reset view").click()
    canvas.dblclick(position={"x": at[0], "y": at[1]})
    lab.page.wait_for_timeout(800)
    assert lab.python("viewer.panes") == "all"

    canvas.focus()
    lab.page.keyboard.press("?")
    page = lab.page.get_by_role("dialog", name="Mouse and keys")
    page.wait_for()
    assert "Ctrl + wheel" in page.inner_text()
    assert "Measure: drag along a length" in page.inner_text()
    lab.shot("viewer-help")
    lab.page.keyboard.press("Escape")
    page.wait_for(state="detached")
    assert lab.page.evaluate("document.activeElement.tagName") == "CANVAS"
