from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing.algorithms.classification import ClassificationContract
from workbench.testing.algorithms.parity import ParityByDefault


class TestCovidTransformer(ParityByDefault, ClassificationContract):
    name = "covid-transformer"
    tiny = {"patch": 4, "dim": 12, "depth": 2, "heads": 3, "mlp_dim": 16, "image_size": 16}
    size = (16, 12)
    default_size = (64, 48)

    def test_positions_tell_patches_apart(self) -> None:
        model, inputs = self.model(), self.inputs(1)
        turned = np.ascontiguousarray(inputs[:, :, ::-1])
        assert not np.allclose(model.forward(inputs), model.forward(turned), atol=1e-4)


class TestAtItsOwnSize(ClassificationContract):
    name = "covid-transformer"
    tiny = {"patch": 8, "dim": 8, "depth": 1, "heads": 2, "mlp_dim": 8, "image_size": 16, "dropout": 0.0}
    in_channels = 1
    size = (16, 16)


def test_heads_divide_the_channels() -> None:
    with pytest.raises(InputError, match="heads=5 must divide dim=12"):
        wb.zoo.create("covid-transformer", dim=12, heads=5)


def test_patches_divide_the_picture() -> None:
    with pytest.raises(InputError, match=r"patch=16 must divide image_size=200\. The nearest is 192"):
        wb.zoo.create("covid-transformer", image_size=200)
