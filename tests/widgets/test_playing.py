"""Steps that a viewer plays: a layer, a slider, and what is told of which is shown."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.volume import Volume
from workbench.widgets import Layer, Viewer

AFFINE = np.diag([0.7, -1.3, 2.0, 1.0])


@pytest.fixture
def volumes() -> list[Volume]:
    return [Volume(np.full((4, 3, 2), value, np.float32), AFFINE, kind="scores") for value in range(3)]


def test_the_frame_decides_what_the_layer_shows(volumes: list[Volume]) -> None:
    viewer = Viewer(volumes[0])
    layer = viewer.layers[0]
    viewer.play(layer, {"a": volumes[0], "b": Layer(volumes[1], window=(0, 5)), "c": volumes[2]})
    assert (viewer.frames, viewer.frame, viewer.shown_frame) == (["a", "b", "c"], 2, 2)
    assert layer.volume is volumes[2]
    viewer.frame = 1
    assert layer.volume is volumes[1]
    assert layer.window == (0, 5)
    assert viewer.shown_frame == 1
    viewer.frame = 99
    assert (viewer.frame, layer.volume) == (2, volumes[2])
    viewer.frame = -4
    assert (viewer.frame, layer.volume) == (0, volumes[0])
    viewer.play(layer, {"only": volumes[2]})
    assert (viewer.frames, layer.volume) == (["only"], volumes[2])


def test_the_slider_is_gone_with_the_layer_and_the_layer_stays_without(volumes: list[Volume]) -> None:
    viewer = Viewer(*volumes[:2])
    viewer.play(viewer.layers[1], {"a": volumes[1], "b": volumes[2]})
    viewer.stop_playing()
    viewer.frame = 0
    assert (viewer.frames, viewer.layers[1].volume) == ([], volumes[2])
    viewer.play(viewer.layers[1], {"a": volumes[1], "b": volumes[2]})
    viewer.remove(viewer.layers[1])
    assert viewer.frames == []


def test_what_cannot_be_played_is_refused(volumes: list[Volume]) -> None:
    viewer = Viewer(volumes[0])
    with pytest.raises(InputError, match="must be in this viewer"):
        viewer.play(Layer(volumes[1]), {"a": volumes[1]})
    with pytest.raises(InputError, match="one step at least"):
        viewer.play(viewer.layers[0], {})
    for frames, words in (
        ([volumes[0]], "must be a mapping of name to Volume, got list"),
        ({1: volumes[0]}, "names of frames must be text, got 1"),
        ({"": volumes[0]}, "names of frames must be text, got ''"),
        ({"a": volumes[0], "b": volumes[0].crop((0, 0, 0), (3, 3, 2))}, "must lie on the grid of the layer.*as 'b'"),
        ({"a": Layer(Volume(volumes[0].data, np.diag([1, 1, 2.0, 1]), kind="scores"))}, "must lie on the grid"),
        ({"a": volumes[0].data}, r"must lie on the grid.*with_data\(array\)"),
    ):
        with pytest.raises(InputError, match=words):
            viewer.play(viewer.layers[0], frames)
    for at in (2, -3, 0.5):
        with pytest.raises(InputError, match="at must be the number of one of 2 steps"):
            viewer.play(viewer.layers[0], {"a": volumes[0], "b": volumes[1]}, at)
    with pytest.raises(InputError, match="must be in this viewer, got 'str'"):
        viewer.play("scores", {"a": volumes[0]})
    assert viewer.frames == []


def test_a_step_is_shown_in_a_window_of_its_own(volumes: list[Volume]) -> None:
    viewer = Viewer(volumes[0])
    layer = viewer.layers[0]
    layer.window = (0, 9)
    viewer.play(layer, {"a": Layer(volumes[0], window=(0, 5)), "b": Layer(volumes[1]), "c": volumes[2]}, at=0)
    assert layer.window == (0, 5)
    viewer.frame = 1
    assert layer.window is None, "that of the step before is not kept"
    viewer.frame = 0
    viewer.frame = 2
    assert layer.window is None


def test_a_step_that_the_page_asks_for_is_shown_in_its_own_window(volumes: list[Volume]) -> None:
    viewer = Viewer(volumes[0])
    layer = viewer.layers[0]
    viewer.play(layer, {"a": Layer(volumes[1], window=(0, 5)), "b": Layer(volumes[2], window=(0, 9))})
    assert viewer._styles[layer.id]["window"] == (0, 9)
    viewer.set_state({"frame": 0})
    assert (layer.volume, layer.window) == (volumes[1], (0, 5))
    assert viewer._styles[layer.id]["window"] == (0, 5), "the page is told of it"
    viewer.set_state({"_styles": {layer.id: {**viewer._styles[layer.id], "window": [1, 2]}}})
    assert layer.window == (1, 2), "what the page restyles stays"
    assert list(viewer._styles[layer.id]["window"]) == [1, 2]
