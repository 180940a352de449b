from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from tests.zoo.golden import filled, test_input
from workbench.testing.algorithms.instances import InstanceContract, one_hot, random_instances
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.marks import FRAMEWORKS, need
from workbench.zoo.cd_net.directions import (
    centre_of,
    direction_classes,
    direction_difference,
    direction_vectors,
    distance_map,
    encode_angles,
)
from workbench.zoo.cd_net.loss import classes_of, separation_weights


def ideal(targets: dict[str, np.ndarray], directions: int = 8, point: bool = True) -> dict[str, np.ndarray]:
    outputs = {"logits": one_hot(targets["mask"], 3)}
    outputs["direction"] = one_hot(direction_classes(targets["turns"], directions), directions + 1)
    if point:
        outputs["point"] = targets["point"][None, None]
    return outputs


class TestCDNet(ParityByDefault, InstanceContract):
    name = "cd-net"
    tiny = {"width": 4}
    size = (32, 64)
    default_size = (32, 64)

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return ideal(targets)


class TestParallelHeads(InstanceContract):
    name = "cd-net"
    tiny = {"width": 4, "heads": "parallel", "point": False, "directions": 4}
    in_channels = 1
    num_classes = 2
    size = (32, 32)

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return ideal(targets, 4, point=False)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from([4, 8, 16]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_objects_come_back_from_their_maps(seed: int, count: int, directions: int, point: bool) -> None:
    ids = random_instances(seed, (48, 40), count)
    task = wb.zoo.algorithm("cd-net").task
    found = task.decode(ideal(task.targets(ids, 3, ids.shape), directions, point))[0]
    assert TestCDNet().matches(found, ids)


def disc_and_ellipse() -> np.ndarray:
    """Return the two objects that the original's encoding was run on."""
    i, j = np.indices((64, 64))
    angle = np.deg2rad(30)
    along = (j - 42) * np.cos(angle) + (i - 42) * np.sin(angle)
    across = -(j - 42) * np.sin(angle) + (i - 42) * np.cos(angle)
    ids = np.zeros((64, 64), np.int64)
    ids[(i - 18) ** 2 + (j - 18) ** 2 <= 100] = 1
    ids[(along / 15) ** 2 + (across / 8) ** 2 <= 1] = 2
    return ids


CENTRES = ((18, 18), (42, 42))


class TestEncoding:
    """Numbers measured once on the original implementation."""

    def test_centres(self) -> None:
        ids = disc_and_ellipse()
        assert [int((ids == number).sum()) for number in (1, 2)] == [317, 379]
        for number, centre in enumerate(CENTRES, start=1):
            assert centre_of(ids == number) == centre
        maps = [distance_map(ids == number, centre) for number, centre in enumerate(CENTRES, start=1)]
        assert np.sum(maps) == pytest.approx(331.6182, abs=1e-3)

    def test_directions(self) -> None:
        classes = direction_classes(encode_angles(disc_and_ellipse())[0])
        for centre, measured in zip(CENTRES, (6, 7), strict=True):
            classes[centre] = measured  # at the centre itself the gradient is rounding
        assert np.bincount(classes.ravel()).tolist() == [3400, 89, 104, 77, 77, 89, 105, 78, 77]
        points = {
            (18, 10): 5,
            (18, 26): 1,
            (10, 18): 7,
            (26, 18): 3,
            (12, 12): 6,
            (24, 24): 2,
            (12, 24): 8,
            (24, 12): 4,
        }
        points |= {(42, 32): 5, (42, 52): 1, (48, 52): 2, (36, 32): 6}
        assert {place: classes[place] for place in points} == points
        assert "".join(map(str, classes[18, 6:31])) == "0055555555556111111111100"
        assert "".join(map(str, classes[42, 26:59])) == "000005555555555571111111111100000"
        difference = direction_difference(classes)
        assert difference.sum() == 95.5
        assert np.unique(difference).tolist() == [0, 0.5, 1]

    def test_points(self) -> None:
        point = encode_angles(disc_and_ellipse())[1]
        # the original keeps half precision, which costs it 0.01 %
        assert point.max() == pytest.approx(10.1484375, rel=1e-3)
        assert point.sum() == pytest.approx(509.957, rel=1e-3)
        assert [point[centre] for centre in CENTRES] == pytest.approx([point.max()] * 2)


def test_vectors_of_directions() -> None:
    vectors = direction_vectors(8) * np.sqrt([[1], *([[1], [2]] * 4)])
    expected = [(0, 0), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1)]
    assert np.allclose(vectors, expected)


def test_directions_point_at_the_centre() -> None:
    ids = disc_and_ellipse()
    turns, _ = encode_angles(ids)
    place = np.stack(np.nonzero(ids == 1), axis=1)
    for row, column in place:
        away = np.array([18 - row, 18 - column])
        if not 4 <= np.hypot(*away) <= 8:
            continue
        angle = 2 * np.pi * (turns[row, column] - 0.5)
        cosine = (away @ [np.sin(angle), np.cos(angle)]) / np.hypot(*away)
        assert cosine > np.cos(np.deg2rad(3))


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("directions", [4, 8, 16])
def test_classes_of_angles_in_the_vocabulary(framework: str, directions: int) -> None:
    need(framework)
    ops = wb.frameworks.get(framework).vocabulary[2]
    turns = np.append(np.linspace(0, 1, 1001), [-1.0, -1.0]).astype(np.float32)
    found = classes_of(ops, ops.tensor(turns), directions)
    assert np.array_equal(np.asarray(found.numpy()), direction_classes(turns, directions))


def test_weights_between_objects() -> None:
    ids = np.zeros((30, 40), np.int64)
    ids[5:25, 2:10], ids[5:25, 14:22] = 7, 3
    weights = separation_weights(ids)
    assert weights[15, 11] == pytest.approx(1 + 10 * np.exp(-((2 + 3) ** 2) / 50))
    assert weights[15, 9] == pytest.approx(1 + 10 * np.exp(-(5**2) / 50))
    assert weights[15, 39] == pytest.approx(1, abs=1e-3)
    assert separation_weights(np.zeros((4, 4), np.int64)).tolist() == np.ones((4, 4)).tolist()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_defect_of_the_original_loss(framework: str) -> None:
    need(framework)
    vocabulary = wb.frameworks.get(framework).vocabulary
    tensor, task = vocabulary[2].tensor, wb.zoo.algorithm("cd-net").task
    whole = random_instances(3, (32, 32), 4)
    samples = [task.targets(ids, 3, ids.shape) for ids in (whole, whole[::-1, ::-1].copy())]
    perfect = [ideal(sample) for sample in samples]
    outputs = {key: tensor(np.concatenate([maps[key] for maps in perfect])) for key in perfect[0]}
    targets = {key: tensor(np.stack([sample[key] for sample in samples])) for key in samples[0]}
    right, wrong = (task.make_loss(first_target=on)(*vocabulary)(outputs, targets) for on in (False, True))
    assert float(wrong["direction_dice"]) > float(right["direction_dice"]) + 0.1
    for name in ("mask_cross_entropy", "mask_dice", "direction_cross_entropy", "point"):
        assert float(wrong[name]) == float(right[name])


def test_directions_divide_what_the_mask_joins() -> None:
    ids = np.zeros((32, 48), np.int64)
    ids[8:24, 6:22], ids[8:24, 22:38] = 1, 2
    task = wb.zoo.algorithm("cd-net").task
    targets = task.targets(ids, 3, ids.shape)
    outputs = ideal(targets)
    # the mask takes both for one object, and only the directions know better
    joined = task.targets((ids > 0).astype(np.int64), 3, ids.shape)["mask"]
    outputs["logits"] = one_hot(joined, 3) / 20
    assert TestCDNet().matches(task.decode(outputs)[0], ids)
    without = wb.zoo.algorithm("han-net").task.decode({"logits": outputs["logits"]})
    assert without.max() == 1


def test_nothing_to_find() -> None:
    task = wb.zoo.algorithm("cd-net").task
    empty = np.zeros((32, 32), np.int64)
    targets = task.targets(empty, 2, empty.shape)
    assert set(np.unique(targets["mask"])) == {0}
    assert not task.decode(ideal(targets)).any()


def settings_of(variant: str, **more: Any) -> dict[str, Any]:
    return {"in_channels": 3, "num_classes": 3, "variant": variant, **more}


def test_variants_of_the_original() -> None:
    for variant, directions, point in (("MandD", 9, False), ("MandD4", 5, False), ("MandD16", 17, False)):
        model = wb.zoo.create("cd-net", "torch", **settings_of(f"model_unet_{variant}", width=4))
        outputs = model.forward(test_input(1, 3, 32, 32))
        assert outputs["direction"].shape == (1, directions, 32, 32)
        assert ("point" in outputs) == point


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_parallel_heads_of_the_original(framework: str) -> None:
    """Mask: first unit. Direction: second. Point: third on top of the second, as in model_unet_MandDandP."""
    need(framework)
    model = wb.zoo.create("cd-net", framework, **settings_of("model_unet_MandDandP", width=4))
    model.framework.load_state(model.module, filled(model.state(), model.framework.parameter_names(model.module)))
    batch = test_input(1, 3, 32, 32)
    before = model.forward(batch)
    assert list(before) == ["logits", "point", "direction"]
    # with one pattern of weights, mask and direction start alike; the point has gone through one unit more
    assert np.allclose(before["logits"][:, 0], before["direction"][:, 0])
    assert not np.allclose(before["logits"][:, 0], before["point"][:, 0])
    changed = {"first": {"logits"}, "second": {"direction", "point"}, "third": {"point"}}
    for unit, heads in changed.items():
        state = model.state()
        name = f"{unit}.bn2.bias"
        model.framework.load_state(model.module, {**state, name: state[name] + 1})
        after = model.forward(batch)
        assert {key for key in after if not np.allclose(before[key], after[key])} == heads
        model.framework.load_state(model.module, state)
