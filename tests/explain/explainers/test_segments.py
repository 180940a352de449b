"""What is hidden as a whole: superpixels and labels."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain.explainers._segments import superpixels
from workbench.explain.labels import pack, unpack
from workbench.testing import toys
from workbench.volume import Volume


@pytest.mark.parametrize("shape", [(24, 30), (12, 14, 10)])
def test_superpixels_follow_an_edge_and_cover_everything(shape):
    image = np.zeros((1, *shape), np.float32)
    image[(0, *(slice(n // 3, n - 3) for n in shape))] = 1
    image += np.random.default_rng(0).normal(0, 0.02, image.shape).astype(np.float32)
    labels = superpixels(image, 30, (1.0,) * len(shape))
    assert labels.shape == shape
    assert labels.min() == 1
    assert 15 <= labels.max() <= 60
    spreads = [np.ptp(image[0][labels == number]) for number in range(1, labels.max() + 1)]
    assert max(spreads) < 0.5, "no piece holds both sides of the edge"


def test_superpixels_are_compact_in_mm():
    labels = superpixels(np.zeros((1, 8, 32), np.float32), 16, (4.0, 1.0))
    first = np.argwhere(labels == labels[0, 0])
    assert np.ptp(first, axis=0).tolist() == [1, 7]  # 8 mm by 8 mm


def test_labels_come_back_as_they_were():
    labels = Volume(np.array([[0, 7], [65535, 1]], np.int32), toys.OBLIQUE, kind="labels")
    found = unpack(pack(labels, "x", "y"))
    assert np.array_equal(found.data, labels.data)
    assert found.same_grid(labels)
    assert pack(pack(labels, "x", "y"), "x", "y") == pack(labels, "x", "y")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((8, 8)), "segments must be a label Volume, got ndarray"),
        (Volume(np.full((8, 8), 0.5)), "segments must hold whole numbers"),
        (Volume(np.zeros((8, 8), np.uint8), kind="labels"), "segments= must label a voxel that the network sees"),
    ],
)
def test_what_are_no_labels_is_refused(given, words):
    with pytest.raises(InputError, match=words):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), "contour-occlusion", 1, segments=given)
