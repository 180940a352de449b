from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.testing.algorithms.instances import InstanceContract, random_instances
from workbench.testing.algorithms.parity import ParityByDefault


class TestHanNet(ParityByDefault, InstanceContract):
    name = "han-net"
    tiny = {"width": 4, "depth": 2}
    size = (32, 28)
    default_size = (32, 32)


class TestDeepestPositionAttention(InstanceContract):
    name = "han-net"
    tiny = {"width": 4, "depth": 1, "attention": "position", "heads": "deepest"}
    in_channels = 1
    num_classes = 2
    size = (32, 32)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_objects_come_back_from_their_mask(seed: int, count: int) -> None:
    contract = TestHanNet()
    ids = random_instances(seed, (48, 40), count)
    task = wb.zoo.algorithm("han-net").task
    outputs = contract.ideal_outputs(task.targets(ids, 3, ids.shape))
    assert contract.matches(task.decode(outputs)[0], ids)


@pytest.mark.parametrize("depth", [1, 3])
def test_the_default_layer_is_the_end_of_the_deepest(depth: int) -> None:
    model = wb.zoo.create("han-net", width=2, depth=depth)
    last = max(int(info.name.split(".")[1]) for info in model.layers() if info.name.startswith("nodes."))
    assert model.default_layer() == f"nodes.{last}.body"
