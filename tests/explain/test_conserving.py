from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.explain.conserving import conserved
from workbench.grid import Grid
from workbench.testing import toys
from workbench.testing.explainers import AFFINES, PREPROCESS
from workbench.testing.marks import needs_mindspore

SHAPES = {2: (9, 8), 3: (6, 7, 5)}
METHODS = ("integrated-gradients", "deep-lift", "input-x-gradient")


def grid(shape, spacing, origin=(0, 0, 0)):
    affine = np.diag([*spacing, *[1] * (4 - len(spacing))]).astype(float)
    affine[:3, 3] = origin
    return Grid(affine, shape)


def within(place, spacing, count):
    """Return a grid in the middle of another one: its voxel 0 lies at `place`."""
    return grid((count,), (spacing,), (place, 0, 0))


@pytest.mark.parametrize("spacing", [(0.6, 2.3, 1.0), (0.5, 0.5, 0.5), (3.0, -4.0, 1.7)])
def test_the_sum_is_kept_and_what_is_even_stays_even(spacing):
    coarse, rng = grid((12, 12, 12), (1, 1, 1)), np.random.default_rng(0)
    shape = tuple(round(12 / abs(step)) for step in spacing)
    origin = [(step - 1) / 2 if step > 0 else 11.5 + step / 2 for step in spacing]
    other = grid(shape, spacing, origin)
    values = rng.normal(size=(12, 12, 12)) + 0.3
    found, _ = conserved(values, coarse, other)
    assert found.sum() == pytest.approx(values.sum(), rel=1e-12)
    even, _ = conserved(np.ones((12, 12, 12)), coarse, other)
    inner = even[1:-1, 1:-1, 1:-1]
    assert np.allclose(inner, np.abs(np.prod(spacing)))


def test_a_voxel_is_spread_as_counted_by_hand():
    values = np.zeros((4, 1))
    values[1] = 8
    # halves of voxels: a tent of two voxels is cut into quarters that hold 1/8, 3/8, 3/8 and 1/8 of it
    found, outside = conserved(values, grid((4, 1), (2, 1)), grid((8, 1), (1, 1), (-0.5, 0, 0)))
    assert found[:, 0].tolist() == [0, 1, 3, 3, 1, 0, 0, 0]
    assert outside == 0
    values = np.array([[8.0], [0], [0], [0]])  # the outermost one ends half a step beyond its centre
    found, _ = conserved(values, grid((4, 1), (2, 1)), grid((8, 1), (1, 1), (-0.5, 0, 0)))
    assert found[:, 0].tolist() == [4, 3, 1, 0, 0, 0, 0, 0]


def test_the_same_voxels_are_copied_however_they_are_turned():
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    volume = wb.Volume(values, toys.OBLIQUE)
    turned = volume.reorient("SPL")
    found, outside = conserved(turned.data, turned.grid, volume.grid)
    assert np.array_equal(found, values)
    assert outside == 0


def test_what_lies_beyond_is_counted_at_the_edge_and_told():
    values = np.ones((6, 1))
    found, outside = conserved(values, grid((6, 1), (1, 1)), grid((3, 1), (1, 1), (2, 0, 0)))
    assert found[:, 0].tolist() == [3, 1, 2]
    assert outside == pytest.approx(0.5)


def test_oblique_grids_keep_the_sum_and_the_place():
    turned = Grid(toys.OBLIQUE, (14, 12, 11))
    centre = turned.to_world((6.5, 5.5, 5))
    straight = grid((24, 24, 24), (1.5, 1.5, 1.5), centre - 1.5 * 11.5)
    place = turned.to_world((5, 7, 4))
    values = toys.blob_volume((24, 24, 24), place, 2.0, straight.affine).data
    found, outside = conserved(values, straight, turned)
    assert found.sum() == pytest.approx(values.sum(), rel=1e-6)
    assert outside < 0.01
    middle = (turned.to_world(np.argwhere(found > -1)) * found.reshape(-1, 1)).sum(axis=0) / found.sum()
    assert np.abs(middle - place).max() < 0.2


@pytest.mark.parametrize("size", [1.5, 6.0, 20.0])
def test_what_is_even_stays_even_on_an_oblique_grid(size):
    turned = Grid(toys.OBLIQUE, (14, 12, 11))
    count = round(120 / size)
    straight = grid((count,) * 3, (size,) * 3, turned.to_world((6.5, 5.5, 5)) - size * (count - 1) / 2)
    even, _ = conserved(np.ones(straight.shape), straight, turned)
    assert even.sum() == pytest.approx(count**3, rel=1e-12)
    inner = even[2:-2, 2:-2, 2:-2]
    assert np.allclose(inner, abs(np.linalg.det(toys.OBLIQUE[:3, :3])) / size**3, rtol=0.02)
    assert max(np.abs(np.diff(inner, axis=axis)).max() for axis in range(3)) < 0.02 * inner.mean()
    # what rises evenly does so still
    rising = straight.to_world(np.argwhere(np.ones(straight.shape)))[:, 0].reshape(straight.shape)
    found = conserved(rising, straight, turned)[0][2:-2, 2:-2, 2:-2] / inner
    wanted = turned.to_world(np.argwhere(even > -1))[:, 0].reshape(even.shape)[2:-2, 2:-2, 2:-2]
    assert np.abs(found - wanted).max() < 0.1


@pytest.mark.parametrize("framework", ["torch", pytest.param("mindspore", marks=needs_mindspore)])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_a_map_sums_up_to_the_difference_of_the_scores_on_the_volumes_grid(ndim, method, framework):
    pytest.importorskip(framework)
    if wb.explain.registry.get(method).framework_misfit(framework):
        pytest.skip(f"{method} is not for {framework}")
    if method == "deep-lift":
        pytest.importorskip("captum")
    model = toys.cnn_model(ndim, preprocess=PREPROCESS[ndim], framework=framework)
    volume = toys.noise_volume(SHAPES[ndim], AFFINES[ndim])
    options = {"points": 256} if method == "integrated-gradients" else {}
    why = wb.explain(model, volume, method, target=1, **options)
    assert why.conserved
    assert why.shape == volume.shape
    if method == "input-x-gradient":  # sums up to no difference: to what it was on the network's grid
        problem = wb.explain.check.Making(why.request).problem
        due = float((problem.input * problem.gradients(problem.input)).sum())
    else:
        due = why.score - why.baseline_score
        assert f"differs from that of the baseline by {due:.4g}" in why._repr_html_()
    assert abs(due) > 0.01
    assert why.data.sum(dtype=np.float64) == pytest.approx(due, rel=1e-3)


def test_values_that_are_no_shares_stay_what_they_are(tmp_path):
    model, volume = toys.cnn_model(3, preprocess=PREPROCESS[3]), toys.noise_volume(SHAPES[3], AFFINES[3])
    why = wb.explain(model, volume, "saliency", target=1)
    assert not why.conserved
    assert "kept from the network" not in why._repr_html_()
    smooth = {of: wb.explain(model, volume, "smooth-grad", of=of, target=1) for of in ("saliency", "input-x-gradient")}
    assert [one.conserved for one in smooth.values()] == [False, True]
    saved = smooth["input-x-gradient"].save(tmp_path / "why.npz")
    assert wb.explain.Explanation.load(saved).conserved


def test_a_baseline_that_differs_in_the_padding_is_told():
    model, volume = toys.cnn_model(2, preprocess=PREPROCESS[2]), toys.noise_volume(SHAPES[2], AFFINES[2])
    why = wb.explain(model, volume, "integrated-gradients", target=1, baseline=2.0, points=256)
    assert any("lie in what was added around the volume" in note for note in why.notes), why.notes
    assert why.data.sum(dtype=np.float64) == pytest.approx(why.score - why.baseline_score, rel=1e-3)
