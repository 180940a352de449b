from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.volume import Volume
from workbench.widgets import Viewer
from workbench.widgets.pointing import TOOLS

#: Flipped, anisotropic, moved: voxel [i, j, k] lies at (10 - 2i, 3j - 5, 4k).
AFFINE = np.array([[-2.0, 0, 0, 10], [0, 3.0, 0, -5], [0, 0, 4.0, 0], [0, 0, 0, 1]])


def numbers(**meaning: Any) -> Volume:
    return Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), AFFINE, **meaning)


def say(viewer: Viewer, **message: Any) -> None:
    viewer._handle_custom_msg(message, [])


def test_a_click_is_a_pick_with_its_tool_alone() -> None:
    viewer = wb.view(numbers(unit="HU"), tool="pick")
    picks: list[Any] = []
    stop = viewer.on_pick(picks.append)
    # (8.9, -1.9, 12.2) lies in the box of voxel [1, 1, 3]
    say(viewer, type="click", xyz=[8.9, -1.9, 12.2])
    assert picks == [viewer.picked]
    assert viewer.picked.mm == (8.9, -1.9, 12.2)
    assert viewer.picked.ijk == (1, 1, 3)
    assert viewer.picked.value == numbers().data[1, 1, 3] == 19
    viewer.tool = "navigate"
    say(viewer, type="click", xyz=[10, -5, 0])
    assert len(picks) == 1
    viewer.tool = "pick"
    stop()
    say(viewer, type="click", xyz=[10, -5, 0])
    assert len(picks) == 1
    assert viewer.picked.ijk == (0, 0, 0)


def test_a_pick_tells_every_layer_on_its_own_grid() -> None:
    coarse = Volume(np.full((1, 1, 2), 7, np.uint8), np.diag([4.0, 9.0, 8.0, 1]), kind="labels", labels={7: "seven"})
    colors = Volume(np.arange(72, dtype=np.uint8).reshape(2, 3, 4, 3), AFFINE, axes=("i", "j", "k", "c"))
    viewer = wb.view(numbers(), coarse, colors, tool="pick")
    names = [layer.name for layer in viewer.layers]
    say(viewer, type="click", xyz=[8, -2, 12])
    # the labels end below it
    assert viewer.picked.values == dict(zip(names, (19, None, (57, 58, 59)), strict=True))
    say(viewer, type="click", xyz=[0, 1, 8])
    assert viewer.picked.ijk == (5, 2, 2)
    assert viewer.picked.values == dict(zip(names, (None, 7, None), strict=True))
    assert viewer.picked.value is None


def test_voxels_that_cannot_be_read_have_no_value() -> None:
    def fails() -> Any:
        raise OSError("gone")

    viewer = wb.view(Volume(fails, shape=(4, 4, 4), dtype="int16"), tool="pick")
    say(viewer, type="click", xyz=[1, 2, 3])
    assert viewer.picked.ijk == (1, 2, 3)
    assert viewer.picked.value is None


def test_another_tool_is_refused_by_name() -> None:
    viewer = Viewer()
    assert viewer.tool == "navigate"
    for tool in TOOLS:
        viewer.tool = tool
    with pytest.raises(InputError, match=r"Unknown value of 'tool' 'mesure'\..*'measure'"):
        viewer.tool = "mesure"
    assert viewer.tool == TOOLS[-1]
    with pytest.raises(InputError, match="brush"):
        Viewer(tool="brush")
    with pytest.raises(InputError, match="'axial'"):
        viewer.panes = "axal"


def test_a_length_follows_from_the_ends() -> None:
    viewer = wb.view(numbers())
    start, stop = np.array([1.0, 2, 3]), (4, 6, 3)
    viewer.measurements = [{"start": start, "stop": stop, "length": 99.0, "unit": "px"}]
    assert viewer.measurements == [{"start": (1, 2, 3), "stop": (4, 6, 3), "length": 5, "unit": "mm"}]
    # the last digit is the page's: else each line would be told twice
    told = np.nextafter(5.0, 6)
    viewer.set_state({"measurements": [{"start": [1, 2, 3], "stop": [4, 6, 3], "length": told, "unit": "mm"}]})
    assert viewer.measurements[0]["length"] == told
    viewer.clear()
    assert viewer.measurements == []


def test_lengths_are_pixels_where_no_size_is_known() -> None:
    picture = Volume(np.zeros((8, 8), np.uint8), axes=("i", "j"))
    assert picture.space == "pixels"
    viewer = wb.view(picture)
    viewer.measurements = [{"start": (0, 0, 0), "stop": (3, 4, 0)}]
    [line] = viewer.measurements
    assert (line["length"], line["unit"]) == (5, "px")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"start": (0, 0), "stop": (1, 1, 1)}, r"start must be three finite numbers \(RAS mm\), got \(0, 0\)"),
        ({"start": (0, 0, 0)}, "stop must be three finite numbers"),
        ({"start": (0, 0, 0), "stop": (1, 1, float("nan"))}, "stop must be three finite"),
        ({"start": "abc", "stop": (1, 1, 1)}, "start must be"),
        ({"start": (0, 0, 0), "stop": (1, 1, 1), "lenght": 2}, "length"),
        ((0, 0, 0), "A measurement is"),
    ],
)
def test_what_is_no_measurement_is_refused(wrong: Any, told: str) -> None:
    viewer = wb.view(numbers())
    with pytest.raises(InputError, match=told):
        viewer.measurements = [wrong]
    assert viewer.measurements == []
