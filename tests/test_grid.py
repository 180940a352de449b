"""Where voxels lie, without voxels: sheared, flipped and non-cubic grids with places known beforehand."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.grid import Grid
from workbench.volume import Volume

#: i runs to the left in steps of 2 mm, j leans forward and to the right (shear), k runs down in steps of 3 mm.
SHEARED = np.array([[-2.0, 0.5, 0, 10], [0, 1.0, 0, -20], [0, 0, -3.0, 30], [0, 0, 0, 1]])
#: Axes in another order: i runs to the head, j to the right, k to the back.
TURNED = np.array([[0, 1.5, 0, -5], [0, 0, -0.5, 7], [4.0, 0, 0, 2], [0, 0, 0, 1]])
SHAPE = (5, 4, 3)


@pytest.fixture(params=[SHEARED, TURNED], ids=["sheared", "turned"])
def grid(request) -> Grid:
    return Grid(request.param, SHAPE)


def volume_on(grid: Grid) -> Volume:
    """A volume whose values are as good as its places: all different."""
    return Volume(np.arange(np.prod(grid.shape), dtype=np.float32).reshape(grid.shape), grid.affine)


def test_what_a_grid_says_of_itself():
    sheared = Grid(SHEARED, SHAPE)
    assert (sheared.shape, sheared.ndim, sheared.orientation) == (SHAPE, 3, "LAI")
    assert sheared.spacing == pytest.approx((2, np.sqrt(1.25), 3))
    turned = Grid(TURNED, np.array(SHAPE))
    assert (turned.shape, turned.orientation, turned.spacing) == (SHAPE, "SRP", (4, 1.5, 0.5))
    assert repr(turned) == "<Grid 5x4x3, 4x1.5x0.5 mm SRP>"
    picture = Grid(TURNED, (5, 4))
    assert (picture.ndim, picture.orientation, picture.spacing) == (2, "SR", (4, 1.5))


def test_places_of_voxels_and_back():
    assert Grid(SHEARED, SHAPE).to_world((1, 2, 3)).tolist() == [9, -18, 21]
    assert Grid(TURNED, SHAPE).to_world([[1, 2, 3], [0, 0, 0]]).tolist() == [[-2, 5.5, 6], [-5, 7, 2]]
    assert Grid(TURNED, SHAPE).to_voxel((-2, 5.5, 6)) == pytest.approx([1, 2, 3])
    assert Grid(TURNED, (5, 4)).to_world((1, 2)).tolist() == [-2, 7, 6]
    assert Grid(TURNED, (5, 4)).to_voxel((-2, 7, 6)) == pytest.approx([1, 2])


def test_the_affine_can_be_changed_neither_inside_nor_outside():
    affine = SHEARED.copy()
    grid = Grid(affine, SHAPE)
    affine[0, 3] = 99
    assert grid.affine[0, 3] == 10
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 99
    again = pickle.loads(pickle.dumps(grid))
    assert np.array_equal(again.affine, SHEARED)
    assert again.shape == SHAPE


def test_the_same_place_is_that_of_the_corners(grid):
    moved = grid.affine.copy()
    moved[0, 3] += 5e-5
    assert grid.same_place(Grid(moved, SHAPE))
    assert not grid.same_place(Grid(moved, SHAPE), tolerance=1e-5)
    assert not grid.same_place(Grid(grid.affine, (5, 4, 4)))
    assert not grid.same_place(Grid(grid.affine, (5, 4)))
    stretched = grid.affine.copy()
    stretched[:3, 0] *= 1 + 1e-4
    assert not grid.same_place(Grid(stretched, SHAPE)), "the far corner is elsewhere"


def test_a_volume_lies_where_its_grid_says(grid):
    volume = volume_on(grid)
    assert volume.grid.same_place(grid, 0)
    coloured = Volume(np.zeros((*SHAPE, 3), np.uint8), grid.affine)
    assert coloured.grid.shape == SHAPE
    lazy = Volume(lambda: 1 / 0, grid.affine, shape=SHAPE, dtype=np.uint8)
    assert lazy.grid.crop((1, 1, 1), (2, 2, 2)).shape == (1, 1, 1), "no voxel is looked at"


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.crop((1, 0, 2), (4, 3, 3)), lambda one: one.crop(0, 3), lambda one: one.pad((1, 0, 2), 3),
        lambda one: one.resample((1.0, 2.0, 0.7)), lambda one: one.resample(1.1), lambda one: one.reorient("RAS"),
        lambda one: one.reorient("ASL"),
    ],
)  # fmt: skip
def test_a_grid_changes_as_a_volume_does(grid, change):
    assert change(volume_on(grid)).grid.same_place(change(grid), 1e-9)


def test_a_crop_and_a_pad_keep_every_voxel_in_its_place(grid):
    cut = grid.crop((1, 2, 0), (5, 4, 3))
    assert cut.shape == (4, 2, 3)
    assert np.allclose(cut.to_world((0, 0, 0)), grid.to_world((1, 2, 0)))
    padded = grid.pad((1, 0, 2), (0, 3, 1))
    assert padded.shape == (6, 7, 6)
    assert np.allclose(padded.to_world((1, 0, 2)), grid.to_world((0, 0, 0)))
    assert padded.crop((1, 0, 2), (6, 4, 5)).same_place(grid, 1e-9)


def test_other_voxels_have_the_same_centre_and_field_of_view(grid):
    centre = grid.to_world((np.array(SHAPE) - 1) / 2)
    halved = grid.rescale((10, 8, 6))
    assert halved.spacing == pytest.approx(np.array(grid.spacing) / 2)
    assert np.allclose(halved.to_world((np.array(halved.shape) - 1) / 2), centre)
    # the outer border of the first voxel stays where it is
    assert np.allclose(halved.to_world([-0.5] * 3), grid.to_world([-0.5] * 3))
    finer = grid.rescale((4, 4, 4), (0.5, 1, 2))
    assert finer.spacing == pytest.approx(np.array(grid.spacing) * (0.5, 1, 2))
    assert np.allclose(finer.to_world([1.5] * 3), centre)
    assert grid.resample(np.array(grid.spacing) / 2).same_place(halved, 1e-9)


def test_a_volume_can_be_put_on_a_grid_without_voxels(grid):
    volume = volume_on(grid)
    cut = volume.resample_like(grid.crop((1, 1, 1), (4, 3, 2)))
    assert np.array_equal(cut.data, volume.data[1:4, 1:3, 1:2])
    assert volume.resample_like(grid) is volume
    thing = Volume(volume.data, grid.affine, space="object")
    assert thing.resample_like(grid.pad(1, 1)).space == "object", "a grid does not say what its millimetres are of"


@pytest.mark.parametrize("shape", [(), (4,), (2, 3, 4, 5), (2, -1, 3), (2.5, 3, 4), "abc", 5, None])
def test_a_shape_is_two_or_three_whole_numbers(shape):
    with pytest.raises(InputError, match="two or three whole numbers"):
        Grid(np.eye(4), shape)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda grid: grid.crop((0, 0, 0), (5, 4, 4)), r"0 <= start < stop <= \(5, 4, 3\)"),
        (lambda grid: grid.crop((2, 0, 0), (2, 4, 3)), "start < stop"),
        (lambda grid: grid.crop((0.5, 0, 0), (2, 4, 3)), "whole voxels"),
        (lambda grid: grid.pad(-1, 0), "Use crop"),
        (lambda grid: grid.resample(0), "number of mm, above 0, .*got 0"),
        (lambda grid: grid.resample((1, 1)), "one per spatial axis"),
        (lambda grid: grid.resample(1e-6), "larger spacing"),
        (lambda grid: grid.rescale((5, 4)), "3 whole numbers above 0"),
        (lambda grid: grid.rescale((5, 4, 0)), "3 whole numbers above 0"),
        (lambda grid: grid.reorient("RAX"), "orientation"),
        (lambda grid: grid.to_world((1, 2)), "Voxel indices"),
        (lambda grid: grid.to_voxel((1, 2)), "RAS millimetres"),
        (lambda grid: grid.to_grid(Grid(TURNED, (5, 4))), "2D grid"),
        (lambda grid: Grid(np.zeros((4, 4)), (2, 2)), "affine"),
    ],
)
def test_what_is_no_grid_is_refused(grid, attempt, words):
    with pytest.raises(InputError, match=words):
        attempt(grid)
