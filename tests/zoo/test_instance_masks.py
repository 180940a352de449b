from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from workbench.errors import InputError
from workbench.testing.algorithms.instances import one_hot, random_instances
from workbench.zoo import Task
from workbench.zoo.tasks.instance_masks import connected, decode_mask, divide, encode_mask, grow, renumber
from workbench.zoo.tasks.instances import InstanceTask


def test_mask_of_a_square_and_of_one_at_the_border() -> None:
    ids = np.zeros((7, 9), np.int64)
    ids[2:5, 2:5], ids[2:5, 7:9] = 4, 300
    expected = [
        "000000000",
        "002220022",
        "022222222",
        "022122221",
        "022222222",
        "002220022",
        "000000000",
    ]
    assert ["".join(map(str, row)) for row in encode_mask(ids)] == expected


def test_objects_that_touch_have_a_boundary_whatever_their_numbers() -> None:
    # a bitwise and of the numbers 1 and 2 is 0, of 1 and 3 it is 1: the boundary must not depend on that
    for other in (2, 3):
        ids = np.ones((6, 8), np.int64)
        ids[:, 4:] = other
        assert encode_mask(ids)[2].tolist() == [1, 1, 1, 2, 2, 1, 1, 1]


def test_volumes_too() -> None:
    inside = np.zeros((9, 9, 9), np.int64)
    inside[2:7, 2:7, 2:4], inside[2:7, 2:7, 6:9] = 1, 2
    cross = ndimage.generate_binary_structure(3, 1)
    ids = sum(number * ndimage.binary_dilation(inside == number, cross) for number in (1, 2))
    task = InstanceTask(ndim=3)
    logits = 20 * np.moveaxis(np.eye(3)[task.targets(ids, 2, ids.shape)["mask"]], -1, 0)[None]
    found = task.decode({"logits": logits})[0]
    assert np.array_equal(found, ids)


def test_small_ones_are_dropped_and_holes_filled() -> None:
    inside = np.zeros((9, 12), bool)
    inside[1:6, 1:6], inside[3, 3], inside[8, 10:] = True, False, True
    parts = connected(inside, smallest=3)
    assert parts.max() == 1
    assert parts[3, 3] == 1
    assert not parts[8].any()


def test_another_part_in_a_hole_stays() -> None:
    inside = np.ones((9, 9), bool)
    inside[2:7, 2:7] = False
    inside[4, 3:6] = True
    parts = connected(inside, smallest=1)
    assert parts[4, 4] != parts[0, 0]
    assert parts[3, 3] == parts[0, 0]


def test_divide() -> None:
    parts = np.zeros((5, 12), np.int32)
    parts[:, :8], parts[:, 10:] = 1, 2
    seeds = np.zeros_like(parts)
    seeds[2, 1], seeds[2, 6] = 5, 9
    expected = [1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 3, 3]
    assert divide(parts, seeds)[2].tolist() == expected


def test_grow_to_the_nearest_within_reach_where_allowed() -> None:
    parts = np.zeros((1, 10), np.int32)
    parts[0, 1], parts[0, 6] = 1, 2
    assert grow(parts, 2)[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 2, 0]
    allowed = np.arange(10)[None] < 5
    assert grow(parts, 2, allowed=allowed)[0].tolist() == [1, 1, 1, 1, 2, 0, 2, 0, 0, 0]
    assert not grow(np.zeros_like(parts), 2).any()


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_renumber(seed: int) -> None:
    parts = np.random.default_rng(seed).integers(0, 6, (5, 6)) * 7
    numbers = renumber(parts)
    present = np.unique(numbers[numbers > 0])
    assert present.tolist() == list(range(1, len(present) + 1))
    firsts = [int((numbers == n).argmax()) for n in present]
    assert firsts == sorted(firsts)
    assert np.array_equal(numbers == 0, parts == 0)
    assert len(np.unique(np.stack([parts.ravel(), numbers.ravel()]), axis=1).T) == len(np.unique(parts))


def test_a_seed_decides_only_what_is_inside() -> None:
    ids = random_instances(2, (32, 32), 3)
    probabilities = one_hot(encode_mask(ids), 3)[0] / 20
    everywhere = decode_mask(probabilities, seeds=np.ones(ids.shape, bool))
    nowhere = decode_mask(probabilities, seeds=np.zeros(ids.shape, bool))
    assert np.array_equal(everywhere, decode_mask(probabilities))
    assert np.array_equal(nowhere, decode_mask(probabilities))


def test_task() -> None:
    task = InstanceTask()
    assert isinstance(task, Task)
    assert (task.kind, task.windowed) == ("instances", True)
    with pytest.raises(InputError, match="weight above 0"):
        task.make_loss(cross_entropy=0, dice=0)
    assert all(np.isnan(value) for value in task.metrics(("background", "nucleus")).compute().values())
