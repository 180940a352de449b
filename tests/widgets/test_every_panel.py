"""Every panel of the App keeps the contract that those of other packages keep."""

from __future__ import annotations

import pytest

from workbench.testing import PanelContract
from workbench.widgets.desk_panel import PANELS


class TestData(PanelContract):
    name = "data"


class TestModel(PanelContract):
    name = "model"


class TestTrain(PanelContract):
    name = "train"


class TestExplain(PanelContract):
    name = "explain"


class TestTools(PanelContract):
    name = "tools"


class TestJobs(PanelContract):
    name = "jobs"


class TestTrust(PanelContract):
    name = "trust"


class TestInside(PanelContract):
    name = "inside"


class TestEmbedding(PanelContract):
    name = "embedding"


class TestDemos(PanelContract):
    name = "demos"


@pytest.mark.parametrize("name", PANELS.names())
def test_no_panel_is_left_out(name: str) -> None:
    assert name in [tested.name for tested in PanelContract.__subclasses__()]
