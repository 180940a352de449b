"""What is drawn at a place: every kind that a model of the zoo draws, on grids of other axes than the world's."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain import Box, Class, Ellipse, Output, Point, Region, target_at
from workbench.shapes import Boxes, Ellipses, Points
from workbench.volume import Volume

#: Rows run to the left, columns to the feet, 2 by 3 mm.
AFFINE = np.array([[0, -3.0, 0, 40], [-2.0, 0, 0, 30], [0, 0, 1, 5], [0, 0, 0, 1]])


def model(name, classes=("a", "b")):
    return SimpleNamespace(algorithm=wb.zoo.algorithm(name), classes=classes)


def mm(i, j):
    return (AFFINE @ [i, j, 0, 1])[:3]


def plane(data, kind="labels"):
    return Volume(np.asarray(data), AFFINE, axes=("i", "j"), kind=kind)


def test_of_boxes_the_smallest_around_the_place_is_taken():
    boxes = Boxes([[2, 2, 20, 20], [5, 6, 9, 12], [30, 30, 34, 38]], [0, 1, 1], AFFINE, [0.9, 0.8, 0.2])
    detector = model("lung-nodule-cnn")
    found = target_at(detector, boxes, mm(7, 8))
    assert isinstance(found, Box)
    assert str(found) == "box 1"
    assert str(target_at(detector, boxes, mm(15, 15))) == "box 0"
    assert str(target_at(detector, boxes, mm(20.7, 10))) == "box 0", "its line is a voxel wide"
    assert target_at(detector, boxes, mm(25, 25)) is None
    assert str(target_at(detector, boxes, mm(32, 33))) == "box 2"
    assert target_at(detector, boxes, mm(32, 33), least=0.3) is None, "what is too doubtful is not drawn"


def test_an_ellipse_is_hit_where_it_is_and_not_in_the_box_around_it():
    ellipses = Ellipses([[20, 20, 12, 3, np.pi / 4], [20, 20, 2, 1, 0]], [0, 0], AFFINE, [0.9, 0.8])
    found = [target_at(model("ellipsenet"), ellipses, mm(*at)) for at in ((20, 20), (26, 26), (26, 14), (14, 26))]
    long_axis = [one for one in found[1:] if one is not None]
    assert isinstance(found[0], Ellipse)
    assert str(found[0]) == "ellipse 1", "the smaller one lies within the larger"
    assert {str(one) for one in long_axis} == {"ellipse 0"}
    assert len(long_axis) in (1, 2)
    assert None in found


def test_a_point_is_hit_within_the_disc_that_it_is_drawn_as():
    points = Points([[5, 5], [9, 5]], [0, 0], AFFINE, [0.9, 0.8])
    found = target_at(model("u-csrnet"), points, mm(6.5, 5))
    assert isinstance(found, Point)
    assert found.pred.values.tolist() == [[5, 5]]
    assert target_at(model("u-csrnet"), points, mm(5, 9)) is None


def test_objects_and_labels_are_told_apart():
    data = np.zeros((6, 5), np.uint8)
    data[1:3, 1:3], data[4, 4] = 2, 1
    cell = target_at(model("cd-net"), plane(data), mm(1, 2))
    assert (type(cell), cell.instance) == (Region, 2)
    label = target_at(model("2d-unet", ("none", "a", "b")), plane(data), mm(1, 2))
    assert (label.instance, label.label, label.name) == (None, 2, "b")
    assert target_at(model("2d-unet", ("none", "a", "b")), plane(data), mm(0, 0)) is None
    assert target_at(model("han-net"), plane(data), mm(0, 0)) is None
    assert target_at(model("han-net"), plane(data), mm(60, 0)) is None, "beside the picture nothing is drawn"


def test_maps_and_tissues_are_explained_at_the_voxel():
    scores = plane(np.zeros((6, 5), np.float32), "scores")
    found = target_at(model("weakly-lesion-localisation"), scores, mm(3, 2))
    assert (type(found), found.name, found.where) == (Output, "difference", (3, 2))
    assert target_at(model("ts-cam"), scores, mm(3, 2)) == Class(1)
    mask = np.zeros((6, 5), np.uint8)
    mask[3, 2] = 1
    tissue = target_at(model("mtcsn"), {"class": None, "mask": plane(mask)}, mm(3, 2))
    assert (tissue.name, tissue.channel, tissue.where) == ("tissue", 1, (3, 2))
    assert target_at(model("mtcsn"), {"class": None, "mask": plane(mask)}, mm(0, 0)) is None


def test_a_class_is_drawn_nowhere():
    assert target_at(model("covid-resnet"), None, mm(0, 0)) is None


@pytest.mark.parametrize("place", [(1, 2), "here", (1, 2, np.nan)])
def test_a_place_is_three_numbers(place):
    with pytest.raises(InputError, match="mm must be three finite numbers"):
        target_at(model("covid-resnet"), None, place)
