from __future__ import annotations

import numpy as np
import pytest

from workbench import frameworks
from workbench.frameworks import OptimizerSpec
from workbench.testing.marks import FRAMEWORKS, need
from workbench.zoo.blocks.resnet import channels, resnet


def body(nn, F, ops):
    kind = resnet(nn, F, ops).Body

    class Maps(nn.Module):
        def __init__(self, in_channels, **options):
            super().__init__()
            self.body = kind(in_channels, **options)

        def forward(self, x):
            maps = self.body.features(x)
            return {str(number): one for number, one in enumerate(maps)}

    return Maps


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("depth", "stem", "strides"), [(18, "imagenet", (2, 4, 8, 16, 32)), (50, "small", (1, 1, 2, 4, 8))]
)
def test_maps_of_all_stages(framework: str, depth: int, stem: str, strides: tuple[int, ...]) -> None:
    need(framework)
    f = frameworks.get(framework)
    module = f.build(body, {"in_channels": 1, "depth": depth, "width": 2, "stem": stem})
    maps = f.forward(module, np.ones((1, 1, 64, 32), np.float32))
    shapes = [maps[str(k)].shape for k in range(5)]
    expected = [(1, c, 64 // s, 32 // s) for c, s in zip(channels(depth, 2), strides, strict=True)]
    assert shapes == expected


def test_weights_of_the_full_bodies() -> None:
    # the convolutions of DETR's backbone; 101 layers: torchvision's 44,549,160 without the classifier's 2,049,000
    f = frameworks.get("torch")
    frozen = f.build(body, {"in_channels": 3, "depth": 50, "norm": "frozen"})
    assert f.num_parameters(frozen) == 23_454_912
    assert f.num_parameters(f.build(body, {"in_channels": 3, "depth": 101})) == 44_549_160 - 2_049_000


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_frozen_norm_is_batch_norm_in_evaluation(framework: str) -> None:
    need(framework)
    f = frameworks.get(framework)
    rng = np.random.default_rng(0)
    config = {"in_channels": 2, "depth": 18, "width": 2, "stem": "small"}
    plain, frozen = f.build(body, config), f.build(body, {**config, "norm": "frozen"})
    state = {name: rng.uniform(0.5, 1.0, value.shape).astype(np.float32) for name, value in f.state(plain).items()}
    f.load_state(plain, state)
    f.load_state(frozen, state)
    assert {n for n in f.parameter_names(frozen) if ".bn" in n} == set()
    x = rng.normal(size=(2, 2, 9, 8)).astype(np.float32)
    assert np.allclose(f.forward(plain, x)["4"], f.forward(frozen, x)["4"], rtol=1e-3)
    # and training leaves it alone
    trainer = f.trainer(frozen, lambda nn, F, ops: lambda y, t: {"loss": ops.mean(y["4"])}, OptimizerSpec("sgd", 1e-3))
    trainer.step(x, {}, step_seed=0, lr=1e-3)
    after = f.state(frozen)
    assert all(np.array_equal(after[n], state[n]) for n in after if ".bn" in n)
    assert any(not np.array_equal(after[n], state[n]) for n in after)
