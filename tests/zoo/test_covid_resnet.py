from __future__ import annotations

from workbench.testing.algorithms.classification import ClassificationContract
from workbench.testing.algorithms.parity import ParityByDefault


class TestCovidResNet(ParityByDefault, ClassificationContract):
    name = "covid-resnet"
    tiny = {"depth": 18, "width": 4, "stem": "small"}
    size = (17, 13)
    default_size = (64, 64)


class TestBottlenecks(ClassificationContract):
    name = "covid-resnet"
    tiny = {"depth": 50, "width": 2}
    in_channels = 1
    size = (64, 48)

    def settle(self, state):
        # fifty fresh layers amplify rounding a hundred thousand times in three steps; with weak branches they do not
        return {name: value * 0.1 if name.endswith("bn3.weight") else value for name, value in state.items()}
