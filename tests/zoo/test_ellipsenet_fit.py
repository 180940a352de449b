from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import InputError
from workbench.shapes import Ellipses
from workbench.testing.algorithms.ellipses import EllipseContract, same_ellipses
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.zoo.ellipsenet_fit.encoding import ellipse_by_moments, ellipse_of, fit_ellipse, largest_region, outline
from workbench.zoo.ellipsenet_fit.task import TASK


def ideal(targets: dict[str, np.ndarray]) -> np.ndarray:
    """Return the outputs of a network that is always right."""
    return np.where(targets["mask"] > 0, 20, -20).astype(np.float32)[None]


class TestEllipseNetFit(ParityByDefault, EllipseContract):
    name = "ellipsenet-fit"
    tiny = {"width": 4, "depth": 3}
    size = (80, 96)
    default_size = (64, 64)
    parity_seed = 4

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> np.ndarray:
        return ideal(targets)

    def test_the_network_is_that_of_2d_unet(self, tmp_path: Any) -> None:
        path = wb.zoo.create("2d-unet", in_channels=2, num_classes=3, **self.tiny, seed=4).save(
            tmp_path / "w.safetensors"
        )
        model = self.model(seed=5)
        assert model.load(path).complete
        assert np.array_equal(model.forward(self.inputs(1)), wb.zoo.load(path).forward(self.inputs(1)))

    def test_masks_of_nested_ellipses_do_not_hide_each_other(self) -> None:
        nested = Ellipses([[40, 48, 35, 30, 0.1], [40, 48, 12, 8, 0.4]], [0, 1])
        mask = TASK.targets(nested, 2, self.size)["mask"]
        assert mask[0].sum() == pytest.approx(math.pi * 35 * 30, rel=0.02)
        assert mask[1].sum() == pytest.approx(math.pi * 12 * 8, rel=0.05)
        assert (mask[0] >= mask[1]).all()

    def test_terms_of_the_loss(self) -> None:
        targets = TASK.targets(self.annotation(0), 3, self.size)
        terms = self.losses(0 * ideal(targets), targets)
        assert terms["cross_entropy"] == pytest.approx(math.log(2), rel=1e-5)
        area, total = targets["mask"].sum(axis=(1, 2)), targets["mask"][0].size
        assert terms["dice"] == pytest.approx(1 - np.mean((area + 1) / (total / 2 + area + 1)), rel=1e-4)
        assert self.losses(0 * ideal(targets), targets, dice=0.0)["loss"] == pytest.approx(math.log(2), rel=1e-5)
        with pytest.raises(InputError, match="above 0"):
            TASK.make_loss(dice=0.0, cross_entropy=0.0)


@st.composite
def pictures(draw: Any) -> tuple[Ellipses, tuple[int, int]]:
    """One ellipse per class, within or over one another, some a little beyond the border."""
    shape = (draw(st.integers(96, 128)), draw(st.integers(96, 128)))
    rows = []
    for _ in range(3):
        long = draw(st.floats(24, 45))
        axes = long, long * draw(st.floats(0.4, 0.75)), draw(st.floats(-1.5, 1.5))
        reach = np.sqrt(np.diag(Ellipses([[0, 0, *axes]]).matrices()[0]))
        shares = np.array([draw(st.floats(0, 1)) for _ in range(2)])
        rows.append((*(0.9 * reach + shares * (np.array(shape) - 1 - 1.8 * reach)), *axes))
    return Ellipses(rows, [0, 1, 2]), shape


@settings(max_examples=40, deadline=None)
@given(pictures())
def test_fitting_inverts_painting(drawn: tuple[Ellipses, tuple[int, int]]) -> None:
    ellipses, shape = drawn
    found = TASK.decode(ideal(TASK.targets(ellipses, 3, shape)))[0]
    assert same_ellipses(found, ellipses)


def test_ellipses_that_touch() -> None:
    # one beside the other, one below the other, and the border of the picture
    touching = Ellipses([[29.5, 35, 35.5, 30, 0], [29.5, 86, 30, 15.5, np.pi / 2], [76, 50, 40, 16, 0]], [0, 1, 2])
    found = TASK.decode(ideal(TASK.targets(touching, 3, (96, 112))))[0]
    assert same_ellipses(found, touching)


def test_an_ellipse_of_which_a_fifth_is_outside() -> None:
    # where a third of the outline is missing, whole pixels do not say more than this
    for angle in (-1.2, -0.4, 0.0, 0.6, 1.3):
        reach = math.sqrt(Ellipses([[0, 0, 40, 24, angle]]).matrices()[0, 0, 0])
        cut = Ellipses([[0.5 * reach - 0.5, 60, 40, 24, angle]])
        assert cut.filled((96, 120)).sum() == pytest.approx(0.8 * math.pi * 40 * 24, rel=0.02)
        assert same_ellipses(TASK.decode(ideal(TASK.targets(cut, 1, (96, 120))))[0], cut, pixels=1.5, degrees=2)


def test_the_largest_region_counts() -> None:
    two = Ellipses([[30, 30, 20, 12, 0.4], [70, 75, 9, 8, 0]])
    found = TASK.decode(ideal(TASK.targets(two, 1, (96, 96))))[0]
    assert same_ellipses(found, two.select([0]))
    assert found.scores[0] > 0.999
    corners = np.array([[1, 0], [0, 1]])
    assert largest_region(corners).sum() == 1


@settings(max_examples=40, deadline=None)
@given(st.floats(-500, 500), st.floats(0.01, 300), st.floats(0.1, 0.97), st.floats(-1.5, 1.5), st.integers(0, 99))
def test_points_on_an_ellipse_are_fitted_exactly(place: float, a: float, ratio: float, angle: float, seed: int) -> None:
    true = Ellipses([[place, -place / 3, a, a * ratio, angle]])
    t = np.random.default_rng(seed).permutation(np.linspace(0, 2 * np.pi, 40, endpoint=False))[:12]
    along, across = a * np.cos(t), a * ratio * np.sin(t)
    i = place + along * math.sin(angle) + across * math.cos(angle)
    j = -place / 3 + along * math.cos(angle) - across * math.sin(angle)
    found = fit_ellipse(np.stack([i, j], axis=1))
    assert np.allclose(found[:4], true.values[0, :4], rtol=1e-4, atol=1e-4 * a)
    assert abs(math.sin(found[4] - true.values[0, 4])) < 1e-2


def test_fitting_what_is_no_ellipse() -> None:
    with pytest.raises(InputError, match="five points"):
        fit_ellipse([[0, 0], [1, 1], [0, 1]])
    for points in ([[1, 1]] * 6, [[k, 2 * k] for k in range(9)]):
        with pytest.raises(InputError, match="on a line"):
            fit_ellipse(points)
    # a few pixels in a row, a single one: the moments say how large they are
    values = np.full((9, 9), -20.0)
    values[4, 2:6] = 20
    row, region = ellipse_of(values)
    assert region.sum() == 4
    assert row[:2].tolist() == [4, 3.5]
    assert 1.5 < row[2] < 3.5
    assert row[3] < 1
    assert abs(row[4]) < 1e-6
    values[4, 3:6] = -20
    assert ellipse_of(values)[0][:2] == pytest.approx([4, 2])
    assert ellipse_of(np.full((4, 4), -1.0)) is None
    # inside everywhere: no outline at all
    full = ellipse_of(np.ones((20, 30)))[0]
    assert full[:2].tolist() == [9.5, 14.5]
    assert np.allclose(full[2:4], [30 / math.sqrt(3), 20 / math.sqrt(3)])


def test_moments() -> None:
    true = Ellipses([[40, 50, 30, 12, 0.7]])
    found = ellipse_by_moments(true.filled((96, 96)) > 0)
    assert np.allclose(found, true.values[0], atol=0.25)


def test_the_outline_lies_between_pixels() -> None:
    values = np.array([[-1.0, -1.0, -1.0], [-1.0, 3.0, -2.0], [-1.0, 1.0, -1.0]])
    points = outline(values, values > 0)
    assert sorted(map(tuple, points.round(6).tolist())) == [(0.25, 1), (1, 0.25), (1, 1.6), (2, 0.5), (2, 1.5)]
