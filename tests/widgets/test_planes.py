"""Known blobs at known places: a still picture must show them on the right side, whatever the affine."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from workbench.volume import Volume
from workbench.widgets import Layer
from workbench.widgets.planes import paint, planes

AXES = "RAS"


def blob(orientation: str) -> Volume:
    """A volume stored in `orientation` with one bright spot towards R, A and S of the centre."""
    data = np.zeros((20, 24, 16), np.float32)
    data[14:18, 16:22, 10:14] = 100.0
    affine = np.diag([1.0, 1.25, 1.5, 1.0])
    affine[:3, 3] = [-10, -15, -12]
    return Volume(data, affine).reorient(orientation)


def where(picture: np.ndarray) -> tuple[float, float]:
    """Return where the bright pixels lie: fractions from the left and from the bottom."""
    rows, columns = np.nonzero(picture[..., 0] > 128)
    return float(columns.mean() / picture.shape[1]), float(rows.mean() / picture.shape[0])


CODES = ["RAS", "LPS", "LAS", "PIR", "SLA", "AIL", "IRP"]


@pytest.mark.parametrize(("code", "convention"), list(itertools.product(CODES, ["radiological", "neurological"])))
def test_a_blob_at_the_right_front_top_is_drawn_there(code: str, convention: str) -> None:
    volume = blob(code)
    xyz = (5.5, 8.0, 5.25)
    axial, coronal, sagittal = planes(volume, xyz, convention)
    for plane, high in ((axial, "front"), (coronal, "top")):
        across, up = where(paint([Layer(volume)], plane))
        assert (across < 0.4) == (convention == "radiological"), f"the patient's right, {plane.name}"
        assert across < 0.4 or across > 0.6
        assert up > 0.6, high
        assert plane.letters()["left"] == ("R" if convention == "radiological" else "L")
    across, up = where(paint([Layer(volume)], sagittal))
    assert across > 0.6, "the front is on the right of a sagittal view"
    assert up > 0.6
    assert sagittal.letters() == {"left": "P", "right": "A", "bottom": "I", "top": "S"}


def test_a_point_lies_where_its_voxel_is_drawn_in_an_oblique_volume(affine: np.ndarray) -> None:
    data = np.zeros((30, 26, 20), np.uint8)
    data[21, 7, 12] = 1
    volume = Volume(data, affine, kind="labels")
    xyz = tuple(float(x) for x in volume.to_world([21, 7, 12]))
    for plane in planes(volume, xyz):
        picture = paint([Layer(volume, opacity=1.0)], plane)
        rows, columns = np.nonzero(picture.any(axis=-1))
        x, y = plane.place(xyz)
        assert (columns.mean() + 0.5) * plane.pixel == pytest.approx(x, abs=1.5 * plane.pixel)
        assert (rows.mean() + 0.5) * plane.pixel == pytest.approx(y, abs=1.5 * plane.pixel)


def test_a_plain_picture_is_shown_as_it_is_stored() -> None:
    picture = np.zeros((12, 20), np.uint8)
    picture[1, 17] = 255
    for convention in ("radiological", "neurological"):
        [plane] = planes(Volume(picture), (0, 0, 0), convention)
        shown = paint([Layer(Volume(picture), window=(0, 255))], plane)
        assert shown.shape == (12, 20, 3)
        assert np.argwhere(shown[..., 0] == 255).tolist() == [[10, 17]], "the lowest row comes first"
        assert plane.letters() == {}


def test_colours_stay_as_they_are() -> None:
    data = np.random.default_rng(0).integers(0, 255, (6, 9, 3), dtype=np.uint8)
    volume = Volume(data, axes=("i", "j", "c"))
    [plane] = planes(volume, (0, 0, 0))
    np.testing.assert_array_equal(paint([Layer(volume)], plane)[::-1], data)


@pytest.mark.parametrize(("axis", "name"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_a_slice_taken_from_a_volume_looks_like_the_view_it_was_taken_from(axis: int, name: str) -> None:
    volume = blob("RAS")
    index = [16, 19, 12][axis]
    flat = volume.slice_2d(axis, index)
    xyz: Any = tuple(volume.to_world([16, 19, 12]))
    whole = next(plane for plane in planes(volume, xyz) if plane.name == name)
    [plane] = planes(flat, xyz)
    assert plane.name == name
    assert plane.letters() == whole.letters()
    assert where(paint([Layer(flat)], plane)) == pytest.approx(where(paint([Layer(volume)], whole)), abs=0.06)


def test_overlays_cover_in_order_and_by_their_opacity() -> None:
    grey = Volume(np.full((4, 4, 4), 100, np.uint8))
    ones = Volume(np.ones((4, 4, 4), np.uint8), kind="labels")
    layers = [Layer(grey, window=(0, 100)), Layer(ones, opacity=0.5)]
    pixel = paint(layers, planes(grey, (1, 1, 1))[0])[1, 1].astype(float)
    np.testing.assert_allclose(pixel, [(255 + 230) / 2, (255 + 159) / 2, 255 / 2], atol=1)


def test_a_score_of_nothing_hides_nothing() -> None:
    grey = Volume(np.full((4, 4, 4), 50, np.uint8))
    scores = np.zeros((4, 4, 4), np.float32)
    scores[2:] = 1.0
    scores[0] = np.nan
    layers = [Layer(grey, window=(0, 100)), Layer(Volume(scores, kind="scores"), opacity=1.0)]
    picture = paint(layers, planes(grey, (1.5, 1.5, 1.5), "neurological")[0])
    assert picture[2, 0].tolist() == picture[2, 1].tolist() == [128, 128, 128]
    assert picture[2, 3].tolist() == [252, 255, 164], "the top colour of the map"


def test_high_values_look_dark_where_they_are_meant_to() -> None:
    volume = blob("RAS").with_meaning(inverted=True)
    plane = planes(volume, (5.5, 8.0, 5.25))[0]
    for layer in (Layer(volume), Layer(volume, colormap="gray_r")):
        picture = paint([layer], plane)[..., 0]
        dark, bright = picture.min(), picture.max()
        assert (dark, bright) == (0, 255)
        negative = paint([Layer(volume, colormap="gray")], plane)[..., 0]
        np.testing.assert_array_equal(picture, 255 - negative)


def test_the_default_map_follows_the_volume_and_a_chosen_one_stays() -> None:
    plain, dark = blob("RAS"), blob("RAS").with_meaning(inverted=True)
    layer = Layer(plain)
    assert layer.colormap == "gray"
    layer.volume = dark
    assert layer.colormap == "gray_r"
    layer.volume = plain
    assert layer.colormap == "gray"
    layer.colormap = "viridis"
    layer.volume = dark
    assert layer.colormap == "viridis"


def test_an_axial_slice_of_1_mm_has_letters_although_its_affine_is_that_of_a_picture() -> None:
    data = np.zeros((12, 20), np.uint8)
    data[1, 17] = 255
    affine = Volume(data).affine
    [plane] = planes(Volume(data, affine), (0, 0, 0))
    assert plane.letters() == {"left": "R", "right": "L", "bottom": "P", "top": "A"}
    [plane] = planes(Volume(data, affine), (0, 0, 0), "neurological")
    assert plane.letters()["left"] == "L"


@pytest.mark.parametrize("shape", [(12, 20), (12, 20, 6)])
@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_a_micrograph_is_shown_as_stored_and_has_no_letters(shape: tuple[int, ...], convention: str) -> None:
    data = np.zeros(shape, np.uint8)
    data[1, 17] = 255
    volume = Volume(data, np.diag([0.0005, 0.0005, 0.0005, 1]) @ Volume(np.zeros((2, 2))).affine, space="object")
    xyz: Any = tuple(volume.to_world([5.5, 9.5, 2.5][: len(shape)]))
    first = planes(volume, xyz, convention)[0]
    assert first.letters() == {}
    across, up = where(paint([Layer(volume, window=(0, 255))], first))
    assert across == pytest.approx(17.5 / 20, abs=0.06)
    assert up == pytest.approx(1 - 1.5 / 12, abs=0.08)
