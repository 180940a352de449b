"""Surface distances, by hand, with voxels that are no cubes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench import evaluation
from workbench.volume import Volume

SPACING = (1.0, 2.0, 5.0)


def labels(array):
    return Volume(array.astype(np.uint8), np.diag([*SPACING, 1]), kind="labels", labels={0: "background", 1: "x"})


def point(*place):
    array = np.zeros((9, 9, 9))
    array[place] = 1
    return labels(array)


@pytest.mark.parametrize(("shift", "mm"), [((2, 0, 0), 2), ((0, 2, 0), 4), ((0, 0, 2), 10), ((3, 2, 0), 5)])
def test_two_points_are_as_far_apart_as_in_the_body(shift, mm):
    other = tuple(3 + s for s in shift)
    assert evaluation.surface_distance(point(3, 3, 3), point(*other)) == {"x": pytest.approx(mm)}
    assert evaluation.hausdorff95(point(3, 3, 3), point(*other)) == {"x": pytest.approx(mm)}


def test_a_shifted_plate():
    one, two = np.zeros((12, 5, 5)), np.zeros((12, 5, 5))
    one[2], two[5] = 1, 1
    assert evaluation.surface_distance(labels(one), labels(two))["x"] == pytest.approx(3)


def test_the_mean_counts_both_surfaces():
    one, two = np.zeros((9, 3, 3)), np.zeros((9, 3, 3))
    one[2, 1, 1] = 1
    two[2, 1, 1] = two[6, 1, 1] = 1
    # distances: from the one voxel 0; from the two voxels 0 and 4
    assert evaluation.surface_distance(labels(one), labels(two))["x"] == pytest.approx(4 / 3)
    assert evaluation.hausdorff95(labels(one), labels(two))["x"] == pytest.approx(np.percentile([0, 4], 95))


def test_the_same_map_has_distance_zero_and_absence_is_said():
    blob = np.zeros((6, 6, 6))
    blob[1:4, 2:5, 1:5] = 1
    empty = labels(np.zeros((6, 6, 6)))
    assert evaluation.hausdorff95(labels(blob), labels(blob)) == {"x": 0}
    assert evaluation.surface_distance(labels(blob), empty) == {"x": math.inf}
    assert evaluation.surface_distance(empty, labels(blob)) == {"x": math.inf}
    assert math.isnan(evaluation.hausdorff95(empty, empty)["x"])


def test_agrees_with_monai():
    torch = pytest.importorskip("torch")
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    rng = np.random.default_rng(3)
    blobs = []
    for _ in range(2):
        grid = np.indices((14, 12, 10)) - rng.integers(4, 7, 3)[:, None, None, None]
        blobs.append((grid**2).sum(0) < rng.integers(6, 14))
    one_hot = [torch.from_numpy(np.stack([~blob, blob]))[None].float() for blob in blobs]
    hd = compute_hausdorff_distance(*one_hot, percentile=95, spacing=SPACING).item()
    asd = compute_average_surface_distance(*one_hot, symmetric=True, spacing=SPACING).item()
    ours = labels(blobs[0]), labels(blobs[1])
    assert evaluation.hausdorff95(*ours)["x"] == pytest.approx(hd)
    assert evaluation.surface_distance(*ours)["x"] == pytest.approx(asd)
