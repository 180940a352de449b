"""A click on what is drawn explains it: a box, an ellipse, a point, an object, a label and a bar, with a real mouse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.browser.app_page import Page

WAIT_MS = 60_000
_BEGIN = """
import json
import numpy as np
import workbench as wb
data = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
app = wb.App(wb.Volume(data))
app.viewer.panes = "axial"
clicked = []
app.viewer.on_click(lambda xyz, ijk: clicked.append(xyz))
app
"""
#: Lets an untrained network answer, and leaves one thing of its answer: what is drawn, and where in mm.
_DRAW = """
from workbench.shapes import Shapes
model = wb.zoo.create({name!r}, num_classes=2, **{options!r})
sure = {sure!r}
if sure is not None:
    model.task.threshold = sure
app.model.use(model)
app.explain.method, app.explain.least = "saliency", 0.0
found = app.explain.predict()
if isinstance(found, Shapes):
    found = found.select([len(found) // 2])
    at = [*found.centers[0], 0, 1][:2] + [0, 1]
    place = (found.affine @ at)[:3]
else:
    mask = np.zeros(found.spatial_shape, np.uint8)
    mask[20:30, 40:50] = 1
    found = found.with_data(mask)
    place = found.to_world((25, 45))
app.explain._answer.show(found, app.desk.choice, model.classes)
app.viewer.tool = "pick"
print(json.dumps([float(value) for value in place]))
"""
_THINGS = [
    ("lung-nodules-detection", {"width": 4, "head_channels": 4}, 0.0, "box"),
    ("ellipsenet", {"width": 4, "head_channels": 4}, 0.0, "ellipse"),
    ("u-csrnet", {"width": 2}, 1e-9, "point"),
    ("han-net", {"width": 4, "depth": 2}, None, "object 1"),
    ("2d-unet", {"width": 2, "depth": 2}, None, "label 1"),
]


def _scale(page: Page, canvas: Any) -> Any:
    """Return how millimetres become pixels of the canvas, told from two clicks that move the crosshair."""
    box = canvas.bounding_box()
    pixels = [(box["width"] * part, box["height"] * part) for part in (0.45, 0.55)]
    for x, y in pixels:
        canvas.click(position={"x": x, "y": y})
        page.lab.page.wait_for_timeout(600)
    first, second = np.array(json.loads(page.kernel("print(json.dumps(clicked[-2:]))")))[:, :2]
    (one, other) = np.array(pixels)
    slope = (other - one) / (second - first)
    return lambda mm: one + (np.array(mm)[:2] - first) * slope


def test_a_click_on_anything_drawn_explains_it(lab: Any) -> None:
    cell = lab.run_cell(_BEGIN)
    page = Page(lab, cell.locator(".mwb-app"))
    canvas = page.app.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    pixel_of = _scale(page, canvas)
    for number, (name, options, sure, told) in enumerate(_THINGS, start=1):
        place = json.loads(page.kernel(_DRAW.format(name=name, options=options, sure=sure)).splitlines()[-1])
        page.lab.page.wait_for_timeout(800)
        x, y = pixel_of(place)
        canvas.click(position={"x": float(x), "y": float(y)})
        page.panel(4).locator(".mwb-list li").nth(number - 1).wait_for(timeout=WAIT_MS)
        title, target, problem = json.loads(
            page.kernel(
                "print(json.dumps([app.explain.maps[-1]['label'], str(app.explain.explanation.target), "
                "app.explain.problem]))"
            )
        )
        assert problem == {}
        assert target.startswith(told), (name, target)
        assert title.startswith("Saliency: ")
        hint = page.panel(4).locator("p.mwb-hint[aria-live]").first.inner_text()
        assert told in hint, "the panel says what was clicked"
    lab.shot("app-clicked")

    # beside the picture nothing is clicked: neither the last place once more nor another one
    heard = page.kernel("print(len(clicked))")
    canvas.click(position={"x": 3, "y": canvas.bounding_box()["height"] / 2})
    page.lab.page.wait_for_timeout(1000)
    assert page.kernel("print(len(clicked))") == heard

    # the bar of a class
    page.kernel(
        "app.model.use(wb.zoo.create('covid-resnet', depth=18, width=2))\napp.explain.method = 'saliency'\n"
        "app.explain.predict()"
    )
    page.panel(4).locator("button.mwb-bars-row").nth(1).click()
    page.panel(4).locator(".mwb-list li").nth(len(_THINGS)).wait_for(timeout=WAIT_MS)
    assert page.kernel("print(app.explain.explanation.target)").strip() == "class 1 (class 1)"
    assert page.app.locator(".mwb-error:visible").all_inner_texts() == []
