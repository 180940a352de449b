"""PerimeterFit: a coarse map is fitted to the edges of the image, and scored with and without."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain.refining import _not_reached, perimeter_fit
from workbench.explain.resize import resize_linear
from workbench.testing import toys

CHOSEN = {"count": None, "seed": 0.05, "tolerance": 0.15, "strength": 1.0}


def phantom(ndim, seed=0):
    """An ellipse in noise, where it lies, and a map of it that was measured in cells of 8 (6) voxels."""
    shape, cells = {2: ((64, 56), (8, 7)), 3: ((30, 24, 24), (5, 4, 4))}[ndim]
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    centre, radii = np.array(shape) * 0.45, np.array(shape) * (0.17, 0.24, 0.2)[:ndim]
    inside = (((places - centre) / radii) ** 2).sum(axis=-1) <= 1
    image = np.where(inside, 2.0, 1.0) + np.random.default_rng(seed).normal(0, 0.08, shape)
    blocks = inside.astype(float)
    for axis, count in enumerate(cells):
        blocks = np.stack([part.mean(axis=axis) for part in np.split(blocks, count, axis=axis)], axis=axis)
    return image.astype(np.float32), inside, resize_linear(blocks, shape)


def best_dice(values, inside):
    """Return the Dice of the best threshold."""
    found = (values > np.quantile(values, share) for share in np.linspace(0.5, 0.99, 60))
    return max(2 * (one & inside).sum() / (one.sum() + inside.sum()) for one in found)


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_outline_of_a_coarse_map_becomes_that_of_the_thing(ndim):
    image, inside, rough = phantom(ndim)
    kept = perimeter_fit(image[None].astype(float), rough, (1.0,) * ndim, CHOSEN)
    refined = rough * (1 + kept)
    before, after = best_dice(rough, inside), best_dice(refined, inside)
    assert after > before + 0.03, (before, after)
    assert after > 0.9


def test_the_background_spreads_over_small_steps_alone():
    labels = np.array([[1, 1, 2, 2, 3, 3, 4, 4]])
    image = np.array([[[0, 0, 0.1, 0.1, 0.9, 0.9, 0.95, 0.95]]])
    seeds = np.array([[True, True, False, False, False, False, False, False]])
    assert _not_reached(image, labels, seeds, 0.2)[0].tolist() == [False] * 4 + [True] * 4
    assert not _not_reached(image, labels, seeds, 1.0).any()


@pytest.fixture
def why():
    image, inside, _ = phantom(2)
    affine = np.diag([0.7, -1.3, 1.0, 1.0])
    volume = wb.Volume(image - 1, affine)
    made = wb.explain(toys.energy_model(2, pool=8), volume, "grad-cam", 1, "act")
    assert made.native_resolution == (8, 7)
    return made, wb.Volume(inside.astype(np.uint8), affine, kind="labels")


def test_a_map_is_scored_with_and_without(why):
    rough, label = why
    refined = wb.explain.refine(rough)
    assert refined.volume.same_grid(rough.volume)
    assert "Refined by PerimeterFit" in refined.notes[-1]
    assert refined.title == rough.title.replace("Grad-CAM", "Grad-CAM, perimeter-fit")
    scores = wb.explain.score([rough, refined], mask=label, checks=["energy"])
    without, with_fit = scores.of("energy").values()
    assert with_fit > without + 0.02, (without, with_fit)
    assert np.array_equal(refined.replay().data, rough.data)


def test_its_code_refines_it_again(why, tmp_path):
    rough, _ = why
    once = wb.explain.refine(rough, tolerance=0.3, count=60)
    twice = wb.explain.refine(once, strength=0.5)
    request = rough.request
    for made, words in (
        (once, ["why = wb.explain.refine(why, 'perimeter-fit', count=60, tolerance=0.3)"]),
        (twice, ["why = wb.explain.refine(why, 'perimeter-fit', count=60, tolerance=0.3)",
                 "why = wb.explain.refine(why, 'perimeter-fit', strength=0.5)"]),
    ):  # fmt: skip
        code = made.code()
        assert code.splitlines()[3:] == words
        names = {"model": request.model, "volume": request.volume}
        exec(code, names)
        assert np.array_equal(names["why"].data, made.data)
        assert wb.explain.Explanation.load(made.save(tmp_path / "why.npz")).code() == code
    assert "refine" not in rough.code()
    earlier = dataclasses.replace(once, refinements=[])
    assert earlier.code().endswith("why = wb.explain.refine(why, 'perimeter-fit')\n")


def test_a_map_from_a_file_needs_its_volume(why, tmp_path):
    rough, _ = why
    loaded = wb.explain.Explanation.load(rough.save(tmp_path / "why.npz"))
    with pytest.raises(InputError, match="Give volume="):
        wb.explain.refine(loaded)
    again = wb.explain.refine(loaded, volume=rough.request.volume)
    assert np.array_equal(again.data, wb.explain.refine(rough).data)
    with pytest.raises(InputError, match="must be the one that was explained, got another"):
        wb.explain.refine(loaded, volume=toys.noise_volume((64, 56)))


def test_what_stands_out_nowhere_is_left_as_it_is():
    volume = wb.Volume(np.ones((24, 24), np.float32))
    made = wb.explain(toys.energy_model(2, pool=8), volume, "grad-cam", 1, "act")
    values = np.zeros((24, 24), np.float32)
    values[8:16, 8:16] = 1
    refined = wb.explain.refine(made.with_data(values))
    assert np.array_equal(refined.data, values)
    assert "left the map as it is" in refined.notes[-1]
    assert refined.title.startswith("Grad-CAM, perimeter-fit, unchanged: ")
    assert "wb.explain.refine" in refined.code()


def test_how_much_has_changed_is_told(why):
    rough, _ = why
    refined = wb.explain.refine(rough)
    before, after = (np.maximum(one.data, 0) / np.maximum(one.data, 0).sum() for one in (rough, refined))
    moved = np.abs(after - before).sum() / 2
    assert moved > 0.01
    assert f"{moved:.1%} of the map's weight has come to other voxels." in refined.notes[-1]
    faint = wb.explain.refine(rough, strength=0.01)
    assert faint.title.startswith("Grad-CAM, perimeter-fit, hardly changed: ")
    assert "so that it looks as it did" in faint.notes[-1]


def test_unknown_words_name_the_nearest(why):
    with pytest.raises(InputError, match="Did you mean 'perimeter-fit'"):
        wb.explain.refine(why[0], "perimeterfit")
    with pytest.raises(InputError, match=r"'tolerence'.*Did you mean 'tolerance'"):
        wb.explain.refine(why[0], tolerence=0.1)
    with pytest.raises(InputError, match=r"wb\.explain\.refine\(\): why must be an Explanation, got <Volume"):
        wb.explain.refine(why[0].volume)
