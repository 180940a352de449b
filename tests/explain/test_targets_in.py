"""What of an answer can be explained: all that was drawn, first."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.explain import Box, Class, Count, Ellipse, Output, Point, Region, targets_in
from workbench.shapes import Boxes, Ellipses, Points
from workbench.volume import Volume


def model(name, classes=("a", "b")):
    return SimpleNamespace(algorithm=wb.zoo.algorithm(name), classes=classes)


def labels(*values):
    return Volume(np.array([values], np.uint8), axes=("i", "j"), kind="labels")


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        ("lung-nodule-cnn", Boxes([[0, 0, 1, 1]] * 2), [Box, Box, Count, Class, Class]),
        ("lung-nodule-transformer", Boxes([]), [Class, Class]),
        ("lung-nodules-detection", Boxes([[0, 0, 1, 1]]), [Box, Count, Class, Class]),
        ("ellipsenet", Ellipses([[3, 3, 2, 1, 0]]), [Ellipse, Count, Class, Class]),
        ("ellipsenet-fit", Ellipses([[3, 3, 2, 1, 0]]), [Ellipse, Count, Class, Class]),
        ("u-csrnet", Points([[1, 2]]), [Point, Count, Class, Class]),
        ("cd-net", labels(0, 2, 3), [Region, Region, Count, Class]),
        ("han-net", labels(0, 0), [Class]),
        ("weakly-lesion-localisation", None, [Output, Class]),
        ("mtcsn", {"class": None, "mask": labels(0, 1)}, [Class, Class, Output]),
        ("covid-resnet", None, [Class, Class]),
    ],
)
def test_what_is_drawn_is_a_target(name, answer, expected):
    assert [type(target) for target in targets_in(model(name), answer)] == expected


def test_they_are_of_what_was_drawn():
    boxes = targets_in(model("lung-nodule-cnn"), Boxes([[0, 0, 1, 1], [2, 2, 5, 5]]))[:2]
    assert [str(one) for one in boxes] == ["box 0", "box 1"]
    assert boxes[1].pred.values.tolist() == [[2, 2, 5, 5]]
    assert [one.instance for one in targets_in(model("cd-net"), labels(0, 2, 3))[:2]] == [2, 3]
    tissue = targets_in(model("mtcsn"), {"class": None, "mask": labels(0, 2, 1)})[-1]
    assert (tissue.name, tissue.channel, tissue.where.data.tolist()) == ("tissue", 2, [[0, 1, 0]])


def test_labels_that_are_there_come_first_and_the_background_never():
    found = targets_in(model("2d-unet", ("none", "a", "b", "c")), labels(0, 3, 1))
    assert found == [Class(1), Class(3), Class(2)]


def test_an_answer_of_another_kind_is_refused():
    with pytest.raises(InputError, match=r"prediction must be what model.predict returned, got float"):
        targets_in(model("lung-nodule-cnn"), 3.0)
    with pytest.raises(StateError, match="model must have a task that says"):
        targets_in(object(), None)
