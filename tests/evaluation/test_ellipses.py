from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import frameworks
from workbench.errors import InputError
from workbench.evaluation.ellipses import (
    axis_angle_error,
    axis_precision,
    corners_of,
    ellipse_dice,
    match_ellipses,
    rotated_iou,
    rotated_iou_terms,
)
from workbench.shapes import Ellipses
from workbench.testing.marks import FRAMEWORKS, need

UNIT = [0.0, 0.0, 0.5, 0.5, 0.0]
DIAMOND = [0.0, 0.0, 0.5, 0.5, math.pi / 4]
#: Rectangles with the intersection over union that geometry says.
KNOWN = [
    (UNIT, UNIT, 1.0),
    (UNIT, DIAMOND, (2 * math.sqrt(2) - 2) / (4 - 2 * math.sqrt(2))),
    (UNIT, [0, 0.5, 0.5, 0.5, 0], 1 / 3),
    (UNIT, [0, 0, 0.5, 0.5, math.pi / 2], 1.0),
    (UNIT, [0, 0, 0.25, 0.25, 0], 0.25),
    (UNIT, [0, 5, 0.5, 0.5, 1], 0.0),
    (UNIT, [0, 1, 0.5, 0.5, 0], 0.0),  # they share an edge
    ([3, 4, 2, 1, 0], [3, 4, 2, 1, math.pi / 2], 4 / 12),  # a cross
]


def terms(framework: str, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    need(framework)
    _, _, ops = frameworks.get(framework).vocabulary
    given = [ops.tensor(np.asarray(x, np.float32)) for x in (first, second)]
    return tuple(x.numpy() if framework == "torch" else x.asnumpy() for x in rotated_iou_terms(ops, *given))


@pytest.mark.parametrize(("first", "second", "expected"), KNOWN)
def test_rotated_iou_is_what_geometry_says(first: list[float], second: list[float], expected: float) -> None:
    assert rotated_iou([first], [second])[0] == pytest.approx(expected, abs=1e-9)
    assert rotated_iou([second], [first])[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_differentiable_rotated_iou_is_what_geometry_says(framework: str) -> None:
    first, second, expected = (np.array(column) for column in zip(*KNOWN, strict=True))
    assert np.allclose(terms(framework, first, second)[0], expected, atol=5e-5)


def rectangles(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.column_stack([rng.uniform(0, 10, (n, 2)), rng.uniform(0.5, 6, (n, 2)), rng.uniform(-4, 4, n)])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_both_ways_of_rotated_iou_agree(framework: str) -> None:
    rng = np.random.default_rng(0)
    first, second = rectangles(rng, 300), rectangles(rng, 300)
    expected = rotated_iou(first, second)
    assert 0.5 < (expected > 0).mean() < 0.95
    found, penalty = terms(framework, first, second)
    assert np.abs(found - expected).max() < 5e-5
    assert np.abs(terms(framework, first, first)[0] - 1).max() < 5e-5
    # the penalty against a search over all angles for the smallest rectangle around both
    for k in range(20):
        points = np.concatenate([corners_of(first[k]), corners_of(second[k])]).reshape(8, 2)
        angles = np.linspace(0, np.pi / 2, 20001)
        along = np.stack([np.cos(angles), np.sin(angles)]), np.stack([-np.sin(angles), np.cos(angles)])
        sides = np.stack([np.ptp(points @ direction, axis=0) for direction in along])
        diagonal = (sides**2).sum(axis=0)[sides.prod(axis=0).argmin()]
        distance = ((first[k, :2] - second[k, :2]) ** 2).sum()
        assert penalty[k] == pytest.approx(distance / diagonal, rel=2e-3)


def test_gradient_of_rotated_iou() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    first, second = rectangles(rng, 60), rectangles(rng, 60)
    kept = rotated_iou(first, second) > 0.05
    others = torch.tensor(second[kept])
    variable = torch.tensor(first[kept], requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: rotated_iou_terms(torch, x, others), (variable,), atol=1e-4)


@pytest.mark.mindspore
def test_gradients_agree() -> None:
    torch = pytest.importorskip("torch")
    need("mindspore")
    import mindspore as ms

    rng = np.random.default_rng(4)
    first, second = (rectangles(rng, 50).astype(np.float32) for _ in range(2))
    variable = torch.tensor(first, requires_grad=True)
    sum(torch.sum(x) for x in rotated_iou_terms(torch, variable, torch.tensor(second))).backward()
    ops = frameworks.get("mindspore").vocabulary[2]
    other = ms.Tensor(second)

    def total(x):
        iou, penalty = rotated_iou_terms(ops, x, other)
        return ops.sum(iou) + ops.sum(penalty)

    gradient = ms.grad(total)(ms.Tensor(first)).asnumpy()
    assert np.abs(gradient).max() > 0
    assert np.allclose(gradient, variable.grad.numpy(), atol=1e-3 * np.abs(gradient).max())


def test_dice_of_ellipses() -> None:
    circle = [10.0, 20.0, 4.0, 4.0, 0.0]
    assert ellipse_dice(circle, circle) == 1
    assert ellipse_dice(circle, [10, 29, 4, 4, 0]) == 0
    # one within the other: twice the smaller area over both
    assert ellipse_dice(circle, [10, 20, 4, 2, 0.7]) == pytest.approx(2 * 8 / (16 + 8), abs=2e-3)
    # two circles of radius r whose centres are r apart: the lens of two segments
    lens = 2 * math.acos(0.5) - 0.5 * math.sqrt(3)
    assert ellipse_dice(circle, [10, 24, 4, 4, 0]) == pytest.approx(lens / math.pi, abs=2e-3)
    # neither the size of a voxel nor the place matters
    assert ellipse_dice([0.1, 0.2, 0.04, 0.04, 0], [0.1, 0.24, 0.04, 0.04, 0]) == pytest.approx(
        lens / math.pi, abs=2e-3
    )


@settings(max_examples=50, deadline=None)
@given(st.floats(-10, 10), st.floats(-10, 10), st.integers(-3, 3))
def test_angle_error_is_folded(first: float, second: float, turns: int) -> None:
    error = float(axis_angle_error(first, second))
    assert 0 <= error <= 90
    assert error == pytest.approx(float(axis_angle_error(second, first + turns * math.pi)), abs=1e-6)
    assert float(axis_angle_error(first, first + math.radians(30))) == pytest.approx(30)


def test_the_surest_predictions_are_compared() -> None:
    truth = Ellipses([[10, 10, 5, 4, 0], [30, 30, 5, 4, 0], [20, 20, 9, 8, 0], [5, 5, 3, 2, 0]], [0, 0, 1, 2])
    found = Ellipses(
        [[31, 30, 5, 4, 0], [10, 10, 5, 4, 0], [10, 11, 5, 4, 0], [21, 20, 9, 8, 0], [20, 20, 9, 8, 0]],
        [0, 0, 0, 1, 1],
        scores=[0.9, 0.2, 0.8, 0.7, 0.6],
    )
    assert match_ellipses(found, truth) == [(0, 2), (1, 0), (2, 3), (3, None)]
    assert match_ellipses(Ellipses([]), truth) == [(0, None), (1, None), (2, None), (3, None)]
    assert match_ellipses(found, Ellipses([])) == []


def test_axis_precision() -> None:
    assert axis_precision(9, 10) == pytest.approx(0.9)
    assert axis_precision(11, 10) == pytest.approx(0.9)
    assert axis_precision(99, 10) == 0
    with pytest.raises(InputError, match="above 0"):
        axis_precision(1, 0)


def test_rectangles_pair_by_pair() -> None:
    with pytest.raises(InputError, match="pair by pair, got 1 and 2"):
        rotated_iou([UNIT], [UNIT, DIAMOND])
