"""The tools panel: what it offers, what a tool makes of the layers, before and after, the code."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.signatures import Range
from workbench.tools import Image, tool
from workbench.tools.catalogue import TOOLS
from workbench.volume import Volume
from workbench.widgets.tools_panel import ToolsPanel, _coarse


@pytest.fixture
def app(affine: np.ndarray) -> wb.App:
    return wb.App("phantom-ct", n=2, size=24)


def click(panel: Any, **message: Any) -> None:
    panel._on_message(panel, message, [])
    panel.wait(60)


def test_every_tool_is_offered_with_a_field_for_each_option(app: wb.App) -> None:
    rows = {row["value"]: row for row in app.tools.catalogue}
    assert set(rows) == set(TOOLS.names())
    assert [one["name"] for one in rows["remove-small"]["options"]] == list(wb.tools.get("remove-small").parameters)
    assert json.loads(json.dumps(app.tools.catalogue)) == app.tools.catalogue
    assert app.tools.number == "8"


def test_a_tool_makes_a_layer_and_the_code_makes_it_again(app: wb.App) -> None:
    made = app.tools.run("window", level=40, width=400)
    assert [layer.name for layer in app.viewer.layers] == ["image", "Window and level 1", "truth"]
    assert np.array_equal(made.data, wb.tools.window(app.data.volume, level=40, width=400).data)
    again = app.tools.run("window", inputs={"image": "Window and level 1"}, level=0.5, width=1)
    code = app.desk.code()
    assert "window_1 = wb.tools.window(image=volume, level=40, width=400)" in code
    assert "window_2 = wb.tools.window(image=window_1, level=0.5, width=1)" in code
    known: dict[str, Any] = {}
    exec(code, known)
    assert np.array_equal(known["window_2"].data, again.data)
    assert app.tools.facts() == {
        "tools": [
            {"tool": "window", "options": {"level": 40, "width": 400}},
            {"tool": "window", "options": {"level": 0.5, "width": 1}},
        ]
    }


def test_what_a_tool_made_is_taken_out_of_the_list_of_layers(app: wb.App) -> None:
    app.tools.run("window", level=40, width=400)
    made = app.viewer.layers[1]
    assert app.viewer._removable == [made.id], "neither the image nor the truth"
    app.viewer._handle_custom_msg({"type": "remove", "layer": made.id}, [])
    assert [layer.name for layer in app.viewer.layers] == ["image", "truth"]
    assert "Window and level 1" not in app.desk.sources()
    app.tools.tool = "resample"
    assert [one["value"] for one in app.tools.inputs[0]["choices"]] == ["truth", "image"]


def test_a_tool_that_is_run_again_is_given_what_it_was_given_before(app: wb.App) -> None:
    app.tools.tool = "window"
    app.tools.options = {"level": "40", "width": "400"}
    once, again = app.tools.run(), app.tools.run()
    assert np.array_equal(once.data, again.data)
    assert app.desk.code().count("wb.tools.window(image=volume") == 2
    (row,) = app.tools.inputs
    assert [one["value"] for one in row["choices"]] == ["image", "Window and level 2", "Window and level 1"]
    app.tools.chosen = {"image": "Window and level 1"}
    app.tools.run(level=0.5, width=1)
    app.tools.run(level=0.5, width=1)
    assert app.desk.code().count("wb.tools.window(image=window_1,") == 2, "what was chosen stays chosen"


def test_labels_are_those_of_the_data_and_a_table_is_shown(app: wb.App) -> None:
    app.tools.tool = "measure"
    assert [row["choices"][0]["value"] for row in app.tools.inputs] == ["truth", ""]
    table = app.tools.run(inputs={"image": "image"})
    assert app.tools.table["head"] == list(table.columns)
    assert len(app.tools.table["rows"]) == len(table)
    assert app.tools.table["more"] == 0
    assert 'measure_1 = wb.tools.measure(labels=sample["label"], image=volume)' in app.desk.code()
    assert [layer.name for layer in app.viewer.layers] == ["image", "truth"]


def test_what_is_missing_is_said_and_nothing_is_run() -> None:
    panel = ToolsPanel()
    panel.tool = "remove-small"
    assert panel.blocked == "Load a data set or open a file first"
    with pytest.raises(StateError, match="Load a data set or open a file"):
        panel.run()
    app = wb.App(Volume(np.zeros((8, 8, 8), np.float32)))
    app.tools.tool = "remove-small"
    assert app.tools.blocked == "There are no labels here for it: load data with labels, or predict some"
    with pytest.raises(InputError, match=r"layer for 'image' of window 'imag'\. Did you mean 'image'"):
        app.tools.run("window", inputs={"image": "imag"}, level=1, width=2)
    with pytest.raises(StateError, match="No tool is chosen"):
        ToolsPanel().run()


def test_a_wrong_option_is_told_beside_it_and_after_a_click(app: wb.App) -> None:
    app.tools.tool = "window"
    app.tools.options = {"width": "-3"}
    assert "must be a number" in app.tools.faults["width"]
    click(app.tools, action="run")
    assert "got -3" in app.tools.problem["cause"]
    assert [layer.name for layer in app.viewer.layers] == ["image", "truth"]


def test_before_and_after_are_shown_when_something_is_changed_in_the_page(app: wb.App) -> None:
    panel = app.tools
    panel.set_state({"tool": "window", "live": True})
    panel.set_state({"options": {"level": "40", "width": "400"}})
    panel.wait(60)
    assert [tile["label"] for tile in panel.strip.tiles] == ["before", "after"]
    before, after = panel.strip.pictures
    assert before != after
    assert panel.problem == {}
    assert [layer.name for layer in app.viewer.layers] == ["image", "truth"], "nothing is laid yet"
    panel.set_state({"live": False})
    panel.wait(60)
    assert panel.strip.tiles == []


def test_a_preview_of_a_large_volume_has_fewer_voxels_over_the_same_place(affine: np.ndarray) -> None:
    large = Volume(np.zeros((160, 160, 100), np.uint8), affine, kind="labels")
    small = _coarse(large)
    assert np.prod(small.spatial_shape) <= 1.1 * (1 << 20)
    assert np.allclose(
        np.multiply(small.spacing, small.spatial_shape), np.multiply(large.spacing, large.spatial_shape), rtol=0.02
    )
    assert _coarse(small) is small or np.prod(_coarse(small).spatial_shape) <= np.prod(small.spatial_shape)


def test_what_was_made_for_another_case_is_put_away(app: wb.App) -> None:
    app.tools.run("window", level=40, width=400)
    app.data.select(1, "all")
    assert app.tools.snippet() == ""
    assert app.tools.table == {}


def test_a_tool_that_is_declared_in_a_cell_is_in_the_panel_at_once(app: wb.App) -> None:
    def brighten(image: Image, *, by: Annotated[float, Range(low=0)] = 1.0) -> Image:
        """Add to every value."""
        return image.with_data(image.data + by)

    made = tool(group="intensity", reference="none")(brighten)
    try:
        TOOLS.register(made)
        assert "brighten" in [row["value"] for row in app.tools.catalogue]
        assert np.allclose(app.tools.run("brighten", by=2.0).data, app.data.volume.data + 2.0)
    finally:
        TOOLS.reset()
