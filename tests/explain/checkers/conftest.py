"""Maps that are written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from workbench.explain import Class, Explanation
from workbench.volume import Volume

AFFINE = np.array([[0.0, -1.5, 0, 4], [0.5, 0, 0, -2], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.fixture
def made() -> Callable[..., Explanation]:
    """Return a map of given values whose voxels are 0.5 by 1.5 mm; it knows no model."""

    def make(values: Any, affine: Any = AFFINE) -> Explanation:
        volume = Volume(np.asarray(values, np.float32), affine, kind="scores")
        return Explanation(
            volume, "saliency", None, Class(1, "lesion"), {}, 1.0, volume.spatial_shape, volume.spacing, "", "", "toy",
            "torch", "cpu", {},
        )  # fmt: skip

    return make
