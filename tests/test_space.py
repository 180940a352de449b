"""What the millimetres of a volume are of: a patient, some other thing, or nothing that anybody stated."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.shapes import Boxes
from workbench.volume import Volume


def test_a_picture_without_an_affine_has_pixels_and_everything_else_a_patient(affine):
    assert Volume(np.zeros((4, 5))).space == "pixels"
    assert Volume(np.zeros((4, 5)), affine).space == "patient"
    assert Volume(np.zeros((4, 5, 6))).space == "patient"
    assert Volume(np.zeros((4, 5, 6)), affine, space="object").space == "object"
    with pytest.raises(InputError, match="Did you mean 'patient'"):
        Volume(np.zeros((4, 5)), space="patiens")


def test_it_is_kept_by_all_that_keeps_the_place(affine):
    volume = Volume(np.arange(24).reshape(2, 3, 4), affine, space="object")
    kept = [
        volume.reorient("RAS"), volume.resample(1.0), volume.crop((0, 0, 0), (1, 2, 2)), volume.pad(1, 1),
        volume.slice_2d("k", 1), volume.with_data(volume.data, kind="labels"), volume.with_meaning(unit="x"),
    ]  # fmt: skip
    assert [one.space for one in kept] == ["object"] * len(kept)
    assert volume.with_meaning(space="patient").space == "patient"
    other = Volume(np.zeros((2, 2, 2)), affine)
    assert volume.resample_like(other).space == "patient", "the grid is the other's"
    picture = volume.slice_2d("k", 1)
    assert Boxes([[0, 0, 1, 1]], affine=picture.affine).outlines(picture).space == "object"


def test_what_is_printed_claims_no_more_than_is_known(affine):
    data = np.zeros((4, 5), np.uint8)
    assert "mm" not in repr(Volume(data))
    assert "no physical size" in repr(Volume(data))
    slide = Volume(data, np.diag([-0.0005, -0.0005, 1, 1]), space="object")
    assert "0.0005x0.0005 mm, 20 bytes" in repr(slide), "a size, and no letters"
    assert slide.orientation in repr(slide.with_meaning(space="patient"))


def test_a_volume_that_is_brought_onto_another_grid_is_where_that_is(affine):
    grid = Volume(np.zeros((3, 4, 5)), affine, space="patient")
    for given in (affine, affine @ np.diag([1, 1, 1.5, 1])):
        assert Volume(np.ones((3, 4, 5)), given, space="object").resample_like(grid).space == "patient"
