"""Window and level, by hand."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from workbench.testing import ToolContract
from workbench.tools import window
from workbench.volume import Volume


class TestWindow(ToolContract):
    name = "window"
    options: ClassVar = {"level": -600.0, "width": 1500.0}

    @pytest.fixture
    def inputs(self, affine: np.ndarray) -> dict[str, Any]:
        values = np.linspace(-2000, 1000, 4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
        return {"image": Volume(values, affine, unit="HU")}


@pytest.fixture
def ct(affine: np.ndarray) -> Volume:
    values = np.array([-1024, -160, -60, 40, 140, 240, 3000], np.int16).reshape(7, 1, 1)
    return Volume(values, affine, unit="HU", notes=["a note"])


def test_the_window_becomes_0_to_1(ct: Volume) -> None:
    found = window(ct)
    assert found.data.ravel().tolist() == [0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert (found.dtype, found.unit, found.notes) == (np.float32, "", ("a note",))
    assert np.allclose(window(ct, level=-500, width=2000).data.ravel()[:3], [0.238, 0.67, 0.72])


def test_or_the_values_are_clipped_in_their_unit(ct: Volume) -> None:
    found = window(ct, scaled=False)
    assert found.data.ravel().tolist() == [-160, -160, -60, 40, 140, 240, 240]
    assert found.unit == "HU"


def test_values_that_are_no_numbers_stay_so_and_channels_stay_apart(affine: np.ndarray) -> None:
    values = np.array([[np.nan, 0.0], [1.0, np.inf]], np.float32).reshape(2, 1, 1, 2)
    found = window(Volume(values, affine, channels=("t1", "t2"), inverted=True), level=0.5, width=1)
    assert np.array_equal(found.data.ravel(), [np.nan, 0, 1, 1], equal_nan=True)
    assert found.channels == ("t1", "t2")
    assert found.inverted
