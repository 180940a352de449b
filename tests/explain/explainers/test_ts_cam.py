"""TS-CAM: by hand, on the zoo's own network, and refused elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain.resize import resize_linear
from workbench.testing import toys
from workbench.testing.marks import FRAMEWORKS, need
from workbench.volume import Volume

#: Attention of a class token and two patches, in two layers.
FIRST = np.array([[0.2, 0.8, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]], np.float32)
SECOND = np.array([[0.0, 0.4, 0.6], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
VOLUME = Volume(np.array([[1.0, 3.0]], np.float32), np.diag([2.0, 0.5, 1, 1]))


def define_coupled(nn, F, ops):
    class AttentionWeights(nn.Identity):
        pass

    class Coupled(nn.Module):
        """Two patches of one value each are the map whose mean is the score, times the head's weight."""

        def __init__(self, classes):
            super().__init__()
            self.one, self.two = AttentionWeights(), AttentionWeights()
            self.head = nn.Conv2d(1, classes, 1)
            self.register_buffer("first", ops.tensor(FIRST))
            self.register_buffer("second", ops.tensor(SECOND))

        def forward(self, x):
            flat = ops.reshape(ops.cat((x[:, :, :, :1], x), dim=3) * 0, (x.shape[0], 1, 1, 3))
            seen = ops.mean(self.one(flat + self.first)) + ops.mean(self.two(flat + self.second))
            return ops.mean(self.head(x), dim=(2, 3)) + 0 * seen

    return Coupled


def coupled(framework="torch"):
    weights = np.array([[2.0], [-1.0]], np.float32).reshape(2, 1, 1, 1)
    state = {"head.weight": weights, "head.bias": np.zeros(2, "f4"), "first": FIRST, "second": SECOND}
    return toys.ToyModel(define_coupled, {"classes": 2}, framework=framework, state=state)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_it_is_the_map_of_the_class_times_the_attention_of_the_class_token(framework):
    need(framework)
    why = wb.explain(coupled(framework), VOLUME, "ts-cam", 0)
    # the class token looks with (0.8 + 0.4) / 2 at the first patch, and with (0 + 0.6) / 2 at the other
    assert np.allclose(why.data, [[2 * 1 * 0.6, 2 * 3 * 0.3]])
    assert why.native_resolution == (1, 2)
    assert np.allclose(wb.explain(coupled(framework), VOLUME, "ts-cam", 1).data, [[-0.6, -0.9]])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_it_is_what_the_zoos_network_couples(framework):
    need(framework)
    options = {"patch": 4, "dim": 8, "depth": 2, "heads": 2, "mlp_dim": 8, "image_size": 8}
    model = wb.zoo.create("ts-cam", framework, in_channels=1, num_classes=3, **options)
    volume = toys.noise_volume((8, 12))
    prepared = model.prepare(volume)
    outputs = model.forward(prepared.batch)
    wanted = outputs["semantic"][0, 2] * outputs["attention"][0] / 2
    why = wb.explain(model, volume, "ts-cam", 2)
    assert why.native_resolution == (2, 3)
    assert np.ptp(why.data) > 0
    assert np.allclose(why.data, resize_linear(wanted, (8, 12)), atol=1e-6)
    assert np.array_equal(why.replay().data, why.data)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("covid-resnet", {"variant": "medmnist-18"}, "shows no attention"),
        (
            "covid-transformer",
            {"patch": 4, "dim": 8, "depth": 1, "heads": 2, "mlp_dim": 8, "image_size": 8},
            "does not end in a convolution over its patches",
        ),
    ],
)
def test_other_networks_are_refused(name, options, reason):
    model = wb.zoo.create(name, in_channels=1, num_classes=3, **options)
    with pytest.raises(InputError, match=reason):
        wb.explain(model, toys.noise_volume((8, 8)), "ts-cam", 1)
