from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.shapes import Points
from workbench.testing.algorithms.base import AlgorithmContract
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.marks import FRAMEWORKS, need
from workbench.volume import Volume
from workbench.zoo.u_csrnet.encoding import FAR, distance_maps, impulse_maps, peaks
from workbench.zoo.u_csrnet.task import SIGMA, PointMetrics, PointTask


def heat(distance: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * (distance / SIGMA) ** 2).astype(np.float32)


def nearest(points: Points, others: Points) -> np.ndarray:
    """Return how far each point's nearest of the same class is."""
    return np.array(
        [
            np.linalg.norm(others.values[others.labels == label] - place, axis=1).min(initial=np.inf)
            for place, label in zip(points.values, points.labels, strict=True)
        ]
    )


class TestUCSRNet(ParityByDefault, AlgorithmContract):
    name = "u-csrnet"
    tiny = {"width": 2}
    size = (24, 32)
    default_size = (32, 32)

    def annotation(self, seed: int) -> Points:
        rng = np.random.default_rng(seed)
        cells = rng.permutation(12)[:5]
        places = np.stack([cells // 4, cells % 4], axis=1) * 8 + 3.5 + rng.uniform(-1.5, 1.5, (5, 2))
        return Points(places, rng.integers(0, self.num_classes, 5))

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> np.ndarray:
        return heat(targets["distance"])[None]

    def matches(self, prediction: Points, annotation: Points) -> bool:
        same = len(prediction) == len(annotation)
        return same and bool((nearest(prediction, annotation) < 1e-3).all())

    def is_for(self, answer: Points, volume: Volume) -> bool:
        same = np.array_equal(answer.affine, volume.affine)
        return same and len(answer.within(volume.spatial_shape)) == len(answer)

    def learnable_inputs(self) -> np.ndarray:
        maps = heat(self.batch_targets(2)["distance"]).max(axis=1, keepdims=True)
        return (self.inputs(2) * 0.2 + 3 * maps).astype(np.float32)

    def test_label_beyond_the_classes(self) -> None:
        with pytest.raises(InputError, match=f"the model has {self.num_classes} classes"):
            wb.zoo.algorithm(self.name).task.targets(Points([[1, 1]], [40]), self.num_classes, self.size)

    def test_a_prediction_lies_on_the_volume(self) -> None:
        volume = self.volume(self.in_channels, (23, 30))
        model = self.model()
        found = model.predict(volume)
        assert isinstance(found, Points)
        assert np.array_equal(found.affine, volume.affine)
        # what the decoder finds on the network's grid is where it was seen
        prepared = model.prepare(volume)
        truth = self.annotation(3).within((22, 29))
        placed = Points(truth.values, truth.labels, affine=volume.affine)
        maps = heat(distance_maps(placed.onto(prepared.affine), 3, prepared.spatial_shape))
        answer = model.task.answer(maps[None], prepared, model.classes)
        assert len(answer) == len(truth)
        assert (nearest(answer, truth) < 1e-3).all()
        assert answer.scores is not None
        assert (np.diff(answer.scores) <= 0).all()


class TestCSRNet(TestUCSRNet):
    """The network without up-sampling, which learns densities at an eighth of the resolution."""

    tiny = {"width": 2, "upsampling": "none", "batch_norm": True}

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> np.ndarray:
        maps = targets["count"].astype(np.float64)
        for axis in (1, 2):
            places = np.arange(maps.shape[axis])
            kernel = np.exp(-0.5 * ((places[:, None] - places) / SIGMA) ** 2)
            maps = np.moveaxis(np.tensordot(kernel / kernel.sum(axis=0), maps, (1, axis)), 0, axis)
        k, i, j = maps.shape
        return maps.reshape(k, i // 8, 8, j // 8, 8).sum(axis=(2, 4))[None].astype(np.float32)

    def test_decoding_ideal_outputs_gives_the_annotation(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        for seed in range(5):
            annotation = self.annotation(seed)
            counts = task.counts(self.ideal_outputs(task.targets(annotation, 3, self.size)))[0]
            assert np.allclose(counts, np.bincount(annotation.labels, minlength=3), atol=1e-5)

    def test_a_prediction_lies_on_the_volume(self) -> None:
        model, volume = self.model(), self.volume(self.in_channels, (40, 48))
        truth = Points([[11.5, 19.5], [27.5, 35.5]], [0, 2], affine=volume.affine)
        prepared = model.prepare(volume)
        count = impulse_maps(truth.onto(prepared.affine), 3, prepared.spatial_shape)
        answer = model.task.answer(self.ideal_outputs({"count": count}), prepared, model.classes)
        assert len(answer) == 2
        assert (nearest(answer, truth) < 0.5).all()


@st.composite
def scattered(draw: Any) -> tuple[Points, tuple[int, int]]:
    """Points anywhere on a grid, its border included, those of a class at least 6 pixels apart."""
    shape = (draw(st.integers(8, 40)), draw(st.integers(8, 40)))
    coordinates = [st.floats(-0.5, length - 0.5, allow_nan=False) for length in shape]
    kept: list[tuple[float, float, int]] = []
    for place in draw(st.lists(st.tuples(*coordinates, st.integers(0, 1)), max_size=12)):
        if all(place[2] != other[2] or np.hypot(place[0] - other[0], place[1] - other[1]) >= 6 for other in kept):
            kept.append(place)
    return Points([place[:2] for place in kept], [place[2] for place in kept]), shape


@settings(max_examples=60, deadline=None)
@given(scattered())
def test_points_come_back_from_their_maps(case) -> None:
    points, shape = case
    found = peaks(heat(distance_maps(points, 2, shape)), threshold=0.4)
    assert len(found) == len(points)
    assert (nearest(found, points) <= 0.75).all()  # half a pixel along each axis, at the border
    inner = points.select(((points.values > 1.5) & (points.values < np.array(shape) - 2.5)).all(axis=1))
    assert (nearest(inner, found) <= 0.05).all()
    impulses = impulse_maps(points, 2, shape)
    assert np.allclose(impulses.sum(axis=(1, 2)), np.bincount(points.labels, minlength=2), atol=1e-4)


def test_presence_by_hand() -> None:
    maps = np.array([[[0.5, 0.1, 0.39]], [[0.4, 0.9, 0.2]]])[None]
    assert PointTask().presence(maps).tolist() == [[[0, 1, -1]]]


def test_targets_by_hand() -> None:
    targets = PointTask().targets(Points([[1, 2], [2.25, 0]], [0, 0]), 2, (3, 4))
    assert targets["distance"].shape == targets["count"].shape == (2, 3, 4)
    assert targets["distance"][0, 1, 2] == 0
    assert np.isclose(targets["distance"][0, 0, 3], np.sqrt(2))
    assert (targets["distance"][1] == FAR).all()
    assert targets["count"][0, 1, 2] == 1
    assert targets["count"][0, 2, 0] == 1  # beyond the last pixel there is none to share with
    assert targets["count"][1].sum() == 0
    with pytest.raises(InputError, match="learns from Points, got ndarray"):
        PointTask().targets(np.zeros((3, 4)), 2, (3, 4))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_loss_by_hand(framework: str) -> None:
    need(framework)
    backend = frameworks.get(framework)
    nn, F, ops = backend.vocabulary
    loss = PointTask().make_loss(sigma=2.0, emphasis=3.0)(nn, F, ops)
    targets = PointTask().targets(Points([[4, 5]]), 1, (8, 16))
    tensors = {key: ops.tensor(value[None]) for key, value in targets.items()}
    wanted = np.exp(-0.5 * (targets["distance"] / 2) ** 2)
    fine = float(loss(ops.zeros(1, 1, 8, 16), tensors)["loss"])
    at_points = (wanted**3).sum() / (wanted.sum() + 8 * np.pi)
    assert np.isclose(fine, (wanted**2).mean() + 3 * at_points, rtol=1e-5)
    # all of the point lies in one picture of two pixels: its sum is 1
    coarse = float(loss(ops.zeros(1, 1, 1, 2), tensors)["loss"])
    along = np.exp(-0.5 * ((np.arange(16) - 5) / 2) ** 2)
    first = along[:8].sum() / along.sum()
    assert np.isclose(coarse, first**2 + (1 - first) ** 2, rtol=1e-5)


@pytest.mark.parametrize("options", [{"sigma": 0.0}, {"emphasis": -1.0}])
def test_wrong_options_of_the_loss(options) -> None:
    with pytest.raises(InputError, match="sigma is above 0 and emphasis 0 or more"):
        PointTask().make_loss(**options)


def test_metrics_by_hand() -> None:
    metrics = PointMetrics(("a", "b"), radius=3)
    truth = Points([[10, 10], [20, 20], [5, 5]], [0, 0, 1], affine=np.diag([2, 2, 1, 1]))
    # one grid is twice as fine: 22 there is 11 here
    found = Points([[22, 20], [60, 60], [10, 10]], [0, 0, 0])
    metrics.update(found, truth)
    metrics.update(Points([]), Points([]))
    scores = metrics.compute()
    assert scores["f1/a"] == pytest.approx(2 * 1 / (3 + 2))
    assert scores["f1/b"] == 0
    assert scores["f1"] == pytest.approx(0.2)
    assert scores["recall"] == pytest.approx(0.25)
    assert scores["precision"] == pytest.approx(1 / 3)  # of class b nothing was found
    assert scores["count_error/a"] == scores["count_error/b"] == 0.5
    assert np.isnan(PointMetrics(("a",), radius=3).compute()["f1"])
