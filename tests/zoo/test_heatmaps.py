"""Heat maps of centres: radii, Gaussians, peaks, and the losses on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import frameworks
from workbench.testing.marks import FRAMEWORKS, need
from workbench.zoo.tasks.heatmaps import (
    MOST,
    decode_centers,
    encode_centers,
    focal_loss,
    gather_at,
    gaussian_radius,
    mean_of_present,
    peaks,
    presence,
    splat,
)


@settings(max_examples=50, deadline=None)
@given(st.floats(1, 200), st.floats(1, 200))
def test_the_radius_keeps_the_overlap(height: float, width: float) -> None:
    r = gaussian_radius(height, width)
    area = height * width
    inside = (height - 2 * r) * (width - 2 * r) / area
    around = area / ((height + 2 * r) * (width + 2 * r))
    shared = (height - r) * (width - r)
    overlaps = inside, around, shared / (2 * area - shared)
    assert min(overlaps) == pytest.approx(0.7, abs=1e-6)


def test_the_formula_of_the_originals() -> None:
    # the same numbers as the code of CornerNet gives for boxes of these sizes
    sizes = {(10, 10): 2.7332005, (5, 30): 2.449026, (1, 1): 0.27332, (40, 13): 5.4818036}
    for size, radius in sizes.items():
        assert gaussian_radius(*size, cornernet_formula=True) == pytest.approx(radius, rel=1e-5)
        assert gaussian_radius(*size) < radius


def test_a_gaussian_is_cut_at_the_border() -> None:
    whole, corner = np.zeros((9, 9)), np.zeros((9, 9))
    splat(whole, 4, 4, 3)
    splat(corner, 0, 8, 3)
    assert whole[4, 4] == 1
    assert whole[4, 5] == pytest.approx(np.exp(-0.5 / (7 / 6) ** 2))
    assert whole[1, 4] > 0 == whole[0, 4]
    assert np.array_equal(corner[:4, 5:], whole[4:8, 1:5])
    # the higher one stays
    splat(whole, 4, 5, 1)
    assert whole[4, 4] == 1 == whole[4, 5]


def test_centers() -> None:
    centers = np.array([[0.0, 0.0], [-0.5, 63.5], [31.5, 33.0]])
    targets = encode_centers(centers, [[8, 8]] * 3, [0, 1, 1], 2, (32, 64))
    assert targets["heat"].shape == (2, 8, 16)
    assert targets["index"][:4].tolist() == [0, 15, 7 * 16 + 8, 0]
    # along j, then along i; the upper edge of the picture is the end of its last pixel
    assert np.allclose(targets["offset"][:3], [[0.125, 0.125], [1, 0], [0.375, 1]])
    assert targets["present"].tolist() == [1] * 3 + [0] * (MOST - 3)
    rows, columns = targets["index"][:3] // 16, targets["index"][:3] % 16
    offsets = np.zeros((2, 8, 16))
    offsets[:, rows, columns] = targets["offset"][:3].T
    assert np.allclose(decode_centers(rows, columns, offsets), centers)
    assert not encode_centers([], [], [], 2, (32, 64))["heat"].any()


def test_peaks() -> None:
    maps = np.zeros((2, 6, 6), np.float32)
    maps[0, 0, 0], maps[0, 0, 1], maps[0, 4, 4], maps[1, 4, 4], maps[1, 5, 0] = 0.9, 0.5, 0.7, 0.8, 0.2
    labels, rows, columns, scores = peaks(maps, 0.1)
    assert list(zip(labels, rows, columns, strict=True)) == [(0, 0, 0), (1, 4, 4), (0, 4, 4), (1, 5, 0)]
    assert np.allclose(scores, [0.9, 0.8, 0.7, 0.2])
    assert len(peaks(maps, 0.1, most=2)[0]) == 2
    assert len(peaks(maps, 0.95)[0]) == 0
    # two that are equal are both the highest
    maps[0, 0, 1] = 0.9
    assert len(peaks(maps, 0.85)[0]) == 2


def test_presence() -> None:
    logits = np.full((2, 2, 3, 3), -9.0, np.float32)
    logits[0, 1, 0, 0] = 3
    logits[1, 0, 2, 2] = -5
    found = presence(logits, 0.3)
    assert np.argwhere(found >= 0).tolist() == [[0, 0, 0], [1, 2, 2]]
    assert (found[0, 0, 0], found[1, 2, 2]) == (1, 0)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_losses_against_their_definition(framework: str) -> None:
    need(framework)
    _, F, ops = frameworks.get(framework).vocabulary
    rng = np.random.default_rng(0)
    heat = np.zeros((2, 3, 8, 8))
    for n, k in ((0, 0), (1, 2)):
        splat(heat[n, k], *rng.integers(0, 8, 2), 2)
    logits = rng.normal(size=heat.shape)
    p = 1 / (1 + np.exp(-logits))
    each = np.where(heat == 1, (1 - p) ** 2 * np.log(p), (1 - heat) ** 4 * p**2 * np.log(1 - p))

    def scalar(x):
        return float(x)

    def tensor(x, dtype=np.float32):
        return ops.tensor(np.asarray(x, dtype))

    assert scalar(focal_loss(F, ops, tensor(logits), tensor(heat))) == pytest.approx(-each.sum() / 2, rel=1e-5)
    nothing = -(p**2 * np.log(1 - p)).sum()
    assert scalar(focal_loss(F, ops, tensor(logits), tensor(0 * heat))) == pytest.approx(nothing, rel=1e-5)
    # sure and wrong: no infinity
    assert np.isfinite(scalar(focal_loss(F, ops, tensor(0 * logits - 200), tensor(heat))))

    index = np.array([[0, 63, 9], [5, 0, 0]])
    values = np.asarray(gather_at(ops, tensor(logits), tensor(index, np.int64)))
    assert np.allclose(values, np.stack([logits[n].reshape(3, 64)[:, index[n]].T for n in (0, 1)]), atol=1e-6)
    present = np.array([[1, 1, 0], [1, 0, 0]])
    mean = scalar(mean_of_present(ops, tensor(values), tensor(present)))
    assert mean == pytest.approx(values[present == 1].mean(), rel=1e-3)
    assert scalar(mean_of_present(ops, tensor(values), tensor(0 * present))) == 0
