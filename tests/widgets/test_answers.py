"""Truth and answers as layers: told apart, coloured by class, score or match."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.evaluation import match_shapes
from workbench.shapes import Boxes, Ellipses, Points
from workbench.volume import Volume
from workbench.widgets import Layer, answer_layer, truth_layer
from workbench.widgets.answers import MISSED, RIGHT, WRONG, likely
from workbench.widgets.colors import label_color
from workbench.widgets.planes import edges, paint, planes

GRID = np.diag([1.5, 2.0, 1.0, 1.0])


@pytest.fixture
def picture() -> Volume:
    return Volume(np.full((40, 30), 100, np.uint8), GRID)


def boxes(*corners: tuple[float, ...], scores: list[float] | None = None) -> Boxes:
    return Boxes([*corners], labels=[0] * len(corners), affine=GRID, scores=scores)


def labels(picture: Volume, *values: tuple[int, slice, slice]) -> Volume:
    data = np.zeros(picture.spatial_shape, np.uint8)
    for value, rows, columns in values:
        data[rows, columns] = value
    return Volume(data, picture.affine, kind="labels", labels={0: "background", 1: "liver", 2: "heart"})


def test_truth_is_outlined_and_an_answer_is_filled(picture: Volume) -> None:
    block = labels(picture, (1, slice(5, 15), slice(5, 15)))
    truth, answer = truth_layer(block, picture), answer_layer(block, picture)
    assert truth is not None
    assert answer is not None
    assert (truth.name, truth.outline, answer.name, answer.outline) == ("truth", True, "prediction", False)
    plane = planes(picture, (20.0, 20.0, 0.0))[0]
    outlined, filled = ((paint([layer], plane) > 0).any(axis=-1).sum() for layer in (truth, answer))
    assert 0 < outlined < filled


def test_edges_are_where_labels_end_but_not_where_the_picture_does() -> None:
    values = np.zeros((5, 6), int)
    values[1:4, 0:4] = 1
    values[1:4, 2:4] = 2
    expected = np.zeros((5, 6), bool)
    expected[1, 0:4] = expected[3, 0:4] = True
    expected[2, 1:4] = True
    np.testing.assert_array_equal(edges(values), expected)
    assert not edges(np.ones((4, 4), int)).any()


def test_doubtful_shapes_are_not_drawn() -> None:
    found = boxes((0.5, 0.5, 4.5, 4.5), (10.5, 0.5, 14.5, 4.5), (20.5, 0.5, 24.5, 4.5), scores=[0.9, 0.3, 0.05])
    np.testing.assert_array_equal(likely(found).scores, [0.9, 0.3])
    np.testing.assert_array_equal(likely(found, 0.5).scores, [0.9])
    assert len(likely(boxes((0.5, 0.5, 4.5, 4.5)))) == 1, "what a person drew has no score"


def test_boxes_have_their_score_in_their_name_and_a_colour_by_class_or_score(picture: Volume) -> None:
    found = boxes((1.5, 1.5, 8.5, 8.5), (20.5, 10.5, 30.5, 20.5), scores=[0.9, 0.4])
    layer = answer_layer(found, picture, ["cell"])
    assert layer is not None
    assert layer.volume.labels == {0: "background", 1: "cell 0.90", 2: "cell 0.40"}
    assert layer.colors == {1: label_color(0), 2: label_color(0)}
    by_score = answer_layer(found, picture, ["cell"], color_by="score")
    assert by_score is not None
    assert by_score.colors[1] != by_score.colors[2]
    assert layer.volume.data[2, 5] == 1, "the edge of the first box"
    assert layer.volume.data[5, 5] == 0, "not what is inside"


def test_matches_tell_right_wrong_and_missed_boxes(picture: Volume) -> None:
    truth = boxes((1.5, 1.5, 8.5, 8.5), (30.5, 20.5, 38.5, 28.5))
    found = boxes((2.5, 1.5, 9.5, 8.5), (15.5, 10.5, 20.5, 15.5), scores=[0.9, 0.8])
    layer = answer_layer(found, picture, ["cell"], truth=truth, color_by="match")
    assert layer is not None
    assert layer.colors == {1: RIGHT, 2: WRONG, 3: MISSED}
    assert layer.volume.labels[3] == "missed: 1"
    assert layer.volume.data[31, 25] == 3
    plain = answer_layer(found, picture, ["cell"], color_by="match")
    assert plain is not None
    assert set(plain.colors.values()) == {label_color(0)}, "without a truth nothing is right or wrong"


def test_matches_of_labels(picture: Volume) -> None:
    truth = labels(picture, (1, slice(0, 10), slice(0, 10)), (2, slice(20, 30), slice(0, 10)))
    found = labels(picture, (1, slice(0, 10), slice(5, 15)), (1, slice(20, 25), slice(0, 10)))
    layer = answer_layer(found, picture, truth=truth, color_by="match")
    assert layer is not None
    data = layer.volume.data
    assert (data[5, 7], data[5, 12], data[5, 2], data[22, 5], data[28, 5]) == (1, 2, 3, 4, 3)
    assert layer.volume.labels[1] == "true positive"
    assert layer.volume.labels[4] == "another label than it should be"
    assert (layer.colors[1], layer.colors[2], layer.colors[3]) == (RIGHT, WRONG, MISSED)


def test_instances_match_by_being_there(picture: Volume) -> None:
    one, other = labels(picture, (1, slice(0, 10), slice(0, 10))), labels(picture, (2, slice(0, 10), slice(0, 10)))
    numbered = [volume.with_data(volume.data, labels={}) for volume in (one, other)]
    layer = answer_layer(numbered[0], picture, truth=numbered[1], color_by="match")
    assert layer is not None
    assert set(np.unique(layer.volume.data)) == {0, 1}


def test_an_unknown_way_to_colour_is_named(picture: Volume) -> None:
    with pytest.raises(InputError, match="Did you mean 'match'"):
        answer_layer(boxes((1.5, 1.5, 8.5, 8.5)), picture, color_by="mach")


def test_a_class_is_no_layer(picture: Volume) -> None:
    assert truth_layer(1, picture) is None
    assert truth_layer({"class": 1, "mask": None}, picture) is None


def test_colours_of_labels_are_checked_and_go_with_a_copy(picture: Volume) -> None:
    block = labels(picture, (1, slice(5, 15), slice(5, 15)))
    with pytest.raises(InputError, match="'#rrggbb'"):
        Layer(block, colors={1: "red"})
    assert Layer(block, colors={1: "#ff0000"}).like(opacity=0.2).colors == {1: "#ff0000"}


@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        (Points([[1, 1], [40, 40], [3, 3]]), Points([[2, 2]]), [0, -1, -1]),
        (Ellipses([[10, 10, 5, 4, 0], [30, 30, 3, 3, 0]], scores=[0.5, 0.9]), Ellipses([[10, 11, 5, 4, 0]]), [0, -1]),
        (Boxes([[0, 0, 2, 2]], labels=[1], scores=[0.5]), Boxes([[0, 0, 2, 2]], labels=[0]), [-1]),
    ],
)
def test_every_kind_of_shape_is_matched_by_its_rule(found: object, true: object, expected: list[int]) -> None:
    given = match_shapes(found, true, radius=5.0)  # type: ignore[arg-type]
    assert (given >= 0).tolist() == [value >= 0 for value in expected]
    assert len(given) == len(expected)


def test_shapes_of_two_kinds_are_not_matched() -> None:
    with pytest.raises(InputError, match="got Points and Boxes"):
        match_shapes(Points([[1, 1]]), Boxes([[0, 0, 2, 2]]))
