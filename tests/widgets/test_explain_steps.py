"""Maps that are played: by layer, and step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.widgets.explain_table import Table
from workbench import explain
from workbench.errors import StateError
from workbench.volume import Volume


def test_by_layer_plays_the_map_at_each_layer(desk: Table, model: Any, volume: Volume) -> None:
    desk.panel.method, desk.panel.label = "grad-cam", "1"
    assert desk.panel.can_layer == ""
    desk.click(action="over_layers")
    assert desk.panel.problem == {}
    names = desk.viewer.frames
    assert len(names) > 3
    assert desk.panel.timeline == names
    layer = next(one for one in desk.viewer.layers if one.name == "by layer")
    for index in (0, len(names) - 1):
        desk.viewer.frame = index
        assert desk.panel.timeline_index == index
        expected = explain.explain(model, volume, "grad-cam", 1, names[index])
        np.testing.assert_allclose(layer.volume.data, expected.data)
        assert layer.window == pytest.approx(expected.display_range)
    strip = desk.panel.strip
    assert (strip.title, strip.plays) == ("Attention by layer", True)
    assert strip.current == len(strip.tiles) - 1
    strip._heard(strip, {"step": 0}, [])
    assert desk.viewer.frame == len(names) - len(strip.tiles)
    assert strip.current == 0
    desk.viewer._handle_custom_msg({"type": "remove", "layer": layer.id}, [])
    assert [one.name for one in desk.viewer.layers] == ["image"]
    assert desk.viewer.frames == []
    desk.click(action="epoch", index=1)
    assert desk.viewer.frames == names, "a step that is asked for brings them back"
    assert desk.viewer.frame == 1


def test_step_by_step_ends_with_the_exact_map_and_the_code_makes_them(desk: Table, model: Any, volume: Volume) -> None:
    desk.panel.method, desk.panel.label = "saliency", "1"
    assert desk.panel.can_step == "The method is done in one step"
    with pytest.raises(StateError, match="done in one step"):
        desk.panel.over_steps()
    desk.panel.method = "occlusion"
    desk.panel.options = {"window": "4", "stride": "4", "batch_size": "8"}
    assert (desk.panel.can_step, desk.panel.can_layer) == ("", "The method looks at no layer")
    made = desk.panel.over_steps()
    assert [one[0] for one in made] == sorted(one[0] for one in made)
    assert made[-1][0] == 1
    assert 2 < len(made) <= 13
    exact = explain.explain(model, volume, "occlusion", 1, window=4, stride=4, batch_size=8)
    np.testing.assert_allclose(made[-1][1].data, exact.data, atol=1e-6)
    layer = next(one for one in desk.viewer.layers if one.name == "step by step")
    assert layer.volume is made[-1][1].volume
    scope: dict[str, Any] = {"model": model, "volume": volume}
    exec(desk.panel.code(), scope)
    np.testing.assert_allclose(scope["step_by_step"][-1][1].data, exact.data, atol=1e-6)
    # maps by layer take their place
    desk.panel.method, desk.panel.options = "grad-cam", {}
    desk.panel.over_layers()
    assert [one.name for one in desk.viewer.layers] == ["image", "by layer"]
    exec(desk.panel.code(), scope)
    assert list(scope["by_layer"]) == desk.viewer.frames
    desk.panel.clear()
    assert (desk.viewer.frames, desk.panel.timeline) == ([], [])
