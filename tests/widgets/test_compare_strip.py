"""The compare strip: how far its maps agree, and the crosshair that it shares with the viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.widgets.explain_table import Table
from workbench import explain
from workbench.widgets.planes import planes


def test_the_agreement_of_the_maps_is_told_in_facts_and_in_code(desk: Table) -> None:
    first = desk.panel.run("saliency", target=1)
    assert desk.panel.strip.agreement == {}
    second = desk.panel.run("saliency", target=2)
    desk.panel.strip.measure()
    told = desk.panel.strip.agreement
    by_hand = explain.agreement([first, second])
    assert told["names"] == ["Saliency: lungs", "Saliency: heart"]
    assert told["ranks"][1][0] == pytest.approx(by_hand.ranks[0, 1], abs=1e-4)
    assert told["overlaps"][0][1] == pytest.approx(by_hand.overlaps[0, 1], abs=1e-4)
    facts = desk.panel.facts()["agreement of the maps"]
    rank = f"rank correlation {by_hand.ranks[0, 1]:.2f}"
    assert facts["Saliency: lungs / Saliency: heart"].startswith(rank)
    assert "agreement = wb.explain.agreement([why_1, why])" in desk.panel.snippet()
    desk.panel.change_map(1, remove=True)
    assert desk.panel.strip.agreement == {}
    assert "agreement" not in desk.panel.snippet()


def test_maps_of_one_name_are_told_apart(desk: Table) -> None:
    for _ in range(2):
        desk.panel.run("saliency", target=1)
    desk.panel.strip.measure()
    assert desk.panel.strip.agreement["names"] == ["Saliency: lungs (1)", "Saliency: lungs (2)"]
    assert desk.panel.strip.agreement["ranks"] == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_a_press_on_a_tile_moves_the_crosshair_of_the_viewer(desk: Table, convention: str) -> None:
    for target in (1, 2):
        desk.panel.run("saliency", target=target)
    desk.viewer.convention = convention
    strip: Any = desk.panel.strip
    before = desk.viewer.crosshair
    strip._heard(strip, {"place": [0.25, 0.8]}, [])
    after = desk.viewer.crosshair
    assert after[2] == before[2], "the slice stays"
    plane = planes(desk.viewer.layers[0].volume, after, convention)[0]
    across, up = plane.place(after)
    assert np.allclose([across / plane.size[0], up / plane.size[1]], [0.25, 0.2])
    strip.draw()
    assert strip.tiles[0]["cross"] == pytest.approx((0.25, 0.8))
