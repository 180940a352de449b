"""Boxes: where a part of a volume lies in voxels, on its own grid and on the network's."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.explain.box import input_box, inside, network_box
from workbench.testing import toys
from workbench.volume import Volume

VOLUME = toys.noise_volume((8, 7, 9), toys.OBLIQUE)


def test_a_pair_is_cut_down_to_the_volume():
    assert input_box(((-3, 1, 2), (4, 99, 5)), VOLUME) == ((0, 1, 2), (4, 7, 5))


def test_labels_on_the_same_grid_have_their_bounding_box():
    marked = np.zeros(VOLUME.shape, np.uint8)
    marked[2, 6, 1] = marked[5, 3, 4] = 9
    assert input_box(Volume(marked, VOLUME.affine, kind="labels"), VOLUME) == ((2, 3, 1), (6, 7, 5))


def test_labels_on_a_coarser_grid_have_the_box_that_holds_them():
    # a coarse voxel is two fine ones, its centre lies between them
    coarse = VOLUME.affine @ np.array([[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 2, 0.5], [0, 0, 0, 1.0]])
    marked = np.zeros((4, 3, 4), np.uint8)
    marked[1, 1, 2] = 1
    assert input_box(Volume(marked, coarse, kind="labels"), VOLUME) == ((2, 2, 4), (4, 4, 6))


@pytest.mark.parametrize(
    ("within", "message"),
    [
        (3, r"a label Volume or a pair \(start, stop\) of voxels, but is 3"),
        (((1, 2), (3, 4)), "needs 3 indices per corner"),
        (((9, 0, 0), (12, 3, 3)), r"must overlap with the volume of \(8, 7, 9\) voxels"),
        (Volume(np.zeros((8, 7, 9), np.uint8), toys.OBLIQUE, kind="labels"), "zero everywhere"),
    ],
)
def test_what_is_no_box_is_told(within, message):
    with pytest.raises(InputError, match=message):
        input_box(within, VOLUME)


def test_the_networks_box_is_turned_as_its_grid_is():
    flipped = VOLUME.affine @ np.diag([-1.0, 1, 1, 1])
    flipped[:, 3] = VOLUME.affine @ [7, 0, 0, 1]
    grid = Volume(np.zeros((8, 7, 9)), flipped)
    assert network_box(((1, 2, 3), (3, 5, 9)), VOLUME, grid) == ((5, 2, 3), (7, 5, 9))
    aside = Volume(np.zeros((2, 7, 9)), flipped)
    with pytest.raises(InputError, match="outside of what the network sees"):
        network_box(((1, 2, 3), (3, 5, 9)), VOLUME, aside)


def test_it_is_an_index():
    assert inside(((1, 2), (3, 5))) == (slice(1, 3), slice(2, 5))
