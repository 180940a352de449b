"""The example of docs/adding-an-algorithm.md, taken from the page and put through the contract."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from tests.zoo.contract import SegmentationContract
from tests.zoo.test_catalogue import register

PAGE = Path(__file__).parents[2] / "docs" / "adding-an-algorithm.md"


@pytest.fixture(autouse=True)
def tiny_net(tmp_path, monkeypatch):
    folder = tmp_path / "tiny_net_of_the_docs"
    folder.mkdir()
    (folder / "__init__.py").touch()
    text = PAGE.read_text("utf-8")
    blocks = dict(re.findall(r"```(yaml|python\n# \w+\.py)\n(.*?)```", text, flags=re.DOTALL))
    for label, block in blocks.items():
        (folder / ("card.yaml" if label == "yaml" else label.partition("# ")[2])).write_text(block)
    register(monkeypatch, tmp_path, folder.name)


class TestTheExample(SegmentationContract):
    name = "tiny-net"
    tiny = {"width": 4}
    size = (8, 6)

    def test_it_predicts(self) -> None:
        volume = wb.Volume(np.random.default_rng(0).normal(size=(9, 7)))
        assert wb.zoo.create("tiny-net", variant="wide").predict(volume).spatial_shape == (9, 7)
        assert wb.zoo.algorithm("tiny-net").task.default_recipe()["epochs"] == 5
