"""Every kind of target against its contract, on both frameworks, with scores that are worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.explain import Box, Class, Count, Ellipse, Margin, Output, Region, Target, Voxel
from workbench.testing import TargetContract
from workbench.volume import Volume

_AFFINE = np.array([[0, 0, 2.0, 1], [1, 0, 0, 2], [0, -1.5, 0, 3], [0, 0, 0, 1]])
_MADE: dict[tuple[str, str], Any] = {}
_NETWORKS: dict[str, dict[str, Any]] = {
    "3d-unet": {"num_classes": 3, "width": 2, "depth": 2},
    "covid-resnet": {"num_classes": 3, "depth": 18, "width": 2},
    "lung-nodules-detection": {"num_classes": 2, "width": 4, "head_channels": 4},
    "ellipsenet": {"num_classes": 2, "width": 4, "head_channels": 4},
    "u-csrnet": {"num_classes": 2, "width": 2},
    "han-net": {"num_classes": 3, "width": 4, "depth": 2},
}


def made(name: str, framework: str) -> Any:
    """Return a small network, with the same weights on every framework."""
    if (name, framework) not in _MADE:
        model = wb.zoo.create(name, framework=framework, **_NETWORKS[name])
        if framework != "torch":
            model.framework.load_state(model.module, made(name, "torch").state())
        _MADE[name, framework] = model
    return _MADE[name, framework]


class OnBoth(TargetContract):
    """What the tests below share."""

    name: str
    framework = "torch"

    def model(self) -> Any:
        return made(self.name, self.framework)

    def volume(self) -> Volume:
        shape = (8, 12, 10) if self.name == "3d-unet" else (64, 64)
        data = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        return Volume(data, _AFFINE if len(shape) == 3 else None)

    def outputs(self, model: Any, volume: Volume) -> Any:
        return model.forward(model.prepare(volume).batch)


class TestClass(OnBoth):
    name = "covid-resnet"

    def target(self, model: Any, volume: Volume) -> Target:
        return Class(2)

    def expected(self, model: Any, volume: Volume) -> float:
        return float(self.outputs(model, volume)[0, 2])

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Class(3), Class("clas 1"), Region(volume.with_data(volume.data > 0), 1), Count()]


class TestMargin(TestClass):
    def target(self, model: Any, volume: Volume) -> Target:
        return Margin(2, 0)

    def expected(self, model: Any, volume: Volume) -> float:
        scores = self.outputs(model, volume)[0]
        return float(scores[2] - scores[0])

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Margin(1, 3)]


class TestVoxel(OnBoth):
    name = "3d-unet"

    def target(self, model: Any, volume: Volume) -> Target:
        return Voxel((3, 5, 2), label=1)

    def expected(self, model: Any, volume: Volume) -> float:
        prepared = model.prepare(volume)
        i, j, k = np.rint(prepared.grid.to_voxel(volume.to_world((3, 5, 2)))).astype(int)
        return float(model.forward(prepared.batch)[0, 1, i, j, k])

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Voxel((8, 0, 0)), Voxel((1, 1)), Voxel((0, 0, 0), label=7)]


class TestRegion(OnBoth):
    name = "3d-unet"

    def target(self, model: Any, volume: Volume) -> Target:
        labels = np.zeros(volume.shape, np.uint8)
        labels[2:5, 3:9, 4:6] = 1
        return Region(Volume(labels, _AFFINE, kind="labels"), 2, where=1)

    def expected(self, model: Any, volume: Volume) -> float:
        prepared = model.prepare(volume)
        places = volume.to_world(np.argwhere(np.asarray(self.target(model, volume).pointer.data) == 1))  # type: ignore[union-attr]
        at = np.rint(prepared.grid.to_voxel(places)).astype(int)
        return float(model.forward(prepared.batch)[0, 2][tuple(at.T)].mean())


class TestBox(OnBoth):
    name = "lung-nodules-detection"

    def target(self, model: Any, volume: Volume) -> Target:
        return Box(model.predict(volume), 0)

    def expected(self, model: Any, volume: Volume) -> float:
        # its score is the sigmoid of the logit that it was found by
        sure = float(model.predict(volume).scores[0])
        return float(np.log(sure / (1 - sure)))

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Box(model.predict(volume).shifted([3.3, 1.7]), 0)]


class TestEllipse(TestBox):
    name = "ellipsenet"

    def target(self, model: Any, volume: Volume) -> Target:
        return Ellipse(model.predict(volume), 0)

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Ellipse(model.predict(volume), 0, parameter="c")]


class TestCountOfBoxes(OnBoth):
    name = "lung-nodules-detection"

    def target(self, model: Any, volume: Volume) -> Target:
        return Count()

    def expected(self, model: Any, volume: Volume) -> float:
        found = model.task.decode(self.outputs(model, volume))[0]
        return float(np.log(found.scores / (1 - found.scores)).sum())

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Count(5)]


class TestCountOfEllipses(TestCountOfBoxes):
    name = "ellipsenet"


class TestCountOfPoints(OnBoth):
    name = "u-csrnet"

    def target(self, model: Any, volume: Volume) -> Target:
        return Count(1)

    def expected(self, model: Any, volume: Volume) -> float:
        return float(self.outputs(model, volume)[0, 1].sum())


class TestCountOfObjects(OnBoth):
    name = "han-net"

    def model(self) -> Any:
        model = super().model()
        # an untrained network finds none: the last bias says that all is inside of something
        state = model.state()
        name = next(name for name in reversed(state) if name.endswith("bias") and state[name].shape == (3,))
        state[name] = np.array([0, 0.4, 0], np.float32)
        model.framework.load_state(model.module, state)
        return model

    def target(self, model: Any, volume: Volume) -> Target:
        return Count()

    def expected(self, model: Any, volume: Volume) -> float:
        outputs = self.outputs(model, volume)
        output, channel = model.task.inside(outputs)
        values = (outputs if output is None else outputs[output])[0, channel]
        objects = model.task.decode(outputs)[0]
        return float(sum(values[objects == number].mean() for number in np.unique(objects) if number))

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Count(0), Count("background")]


class TestOutput(OnBoth):
    name = "ellipsenet"

    def target(self, model: Any, volume: Volume) -> Target:
        return Output("theta")

    def expected(self, model: Any, volume: Volume) -> float:
        return float(np.asarray(self.outputs(model, volume)["theta"])[0, 0].mean())

    def wrong(self, model: Any, volume: Volume) -> list[Target]:
        return [Output("teta"), Output("reg"), Output("theta", channel=4)]


@pytest.mark.mindspore
class TestClassOnMindSpore(TestClass):
    framework = "mindspore"


@pytest.mark.mindspore
class TestVoxelOnMindSpore(TestVoxel):
    framework = "mindspore"


@pytest.mark.mindspore
class TestRegionOnMindSpore(TestRegion):
    framework = "mindspore"


@pytest.mark.mindspore
class TestBoxOnMindSpore(TestBox):
    framework = "mindspore"


@pytest.mark.mindspore
class TestCountOfBoxesOnMindSpore(TestCountOfBoxes):
    framework = "mindspore"


@pytest.mark.mindspore
class TestCountOfPointsOnMindSpore(TestCountOfPoints):
    framework = "mindspore"


@pytest.mark.mindspore
class TestOutputOnMindSpore(TestOutput):
    framework = "mindspore"
