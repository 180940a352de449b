"""What the tests of the explain panel share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.widgets.explain_table import Table
from workbench import datasets, zoo
from workbench.volume import Volume


@pytest.fixture(scope="module")
def model() -> Any:
    return zoo.create("3d-unet", in_channels=1, classes=("background", "lungs", "heart"), width=4, depth=2)


@pytest.fixture(scope="module")
def volume() -> Volume:
    return datasets.load("phantom-ct", n=3, size=(16, 14, 12))[0]["image"]


@pytest.fixture
def desk(model: Any, volume: Volume) -> Table:
    return Table(model, volume)
