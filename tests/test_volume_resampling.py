"""Volumes on other grids: reoriented, resampled; every point keeps its value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench import Volume
from workbench._geometry import codes, from_codes
from workbench.errors import InputError
from workbench.testing.files import distinct
from workbench.testing.formats import affines

quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("code", codes())
def test_reorient_from_all_48_keeps_every_point(code):
    for target in ("RAS", "LPS", "SLA", "IPL"):
        data, affine = distinct((3, 4, 5, 2), np.int16), from_codes(code, (0.7, 1.3, 2.5), (-11.5, 20.25, 93))
        volume = Volume(lambda data=data: data, affine, shape=data.shape, dtype=data.dtype)
        assert volume.orientation == code
        turned = volume.reorient(target)
        assert not turned.is_loaded
        assert turned.orientation == target
        for index in ((0, 0, 0), (2, 3, 4), (1, 2, 0)):
            new = np.rint(turned.to_voxel(volume.to_world(index))).astype(int)
            np.testing.assert_allclose(turned.to_world(new), volume.to_world(index), atol=1e-9)
            np.testing.assert_array_equal(turned.data[tuple(new)], volume.data[index])
    back = turned.reorient(code)
    np.testing.assert_array_equal(back.data, volume.data)
    np.testing.assert_allclose(back.affine, volume.affine, atol=1e-12)


@quick
@given(affine=affines(shear=True), target=st.sampled_from(codes()))
def test_reorient_oblique(affine, target):
    volume = Volume(distinct((3, 4, 5), np.int16), affine)
    turned = volume.reorient(target)
    corner = np.rint(turned.to_voxel(volume.to_world([2, 0, 4]))).astype(int)
    assert turned.data[tuple(corner)] == volume.data[2, 0, 4]
    np.testing.assert_allclose(turned.to_world(corner), volume.to_world([2, 0, 4]), atol=1e-6)


def test_reorient_of_a_picture():
    picture = Volume(distinct((3, 4), np.uint8))
    turned = picture.reorient("RAS")
    assert turned.orientation == "RA"
    np.testing.assert_array_equal(turned.data, picture.data.T[::-1, ::-1])
    np.testing.assert_allclose(turned.to_world(turned.to_voxel(picture.to_world([1, 2]))), picture.to_world([1, 2]))
    for code in ("RS", "RRA", "XYZ", "R"):
        with pytest.raises(InputError):
            picture.reorient(code)


def ramp(shape, affine):
    """An image whose value is a linear function of the place in mm."""
    volume = Volume(np.zeros(shape), affine)
    points = volume.to_world(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    return volume.with_data((points @ [0.3, -0.7, 1.1] + 5).astype(np.float32))


def inside(volume, margin):
    return volume.crop([margin] * 3, [n - margin for n in volume.spatial_shape])


@quick
@given(affine=affines(shear=True), factor=st.sampled_from([0.4, 0.5, 1.0, 1.3, 2.0]))
def test_resample_keeps_points(affine, factor):
    volume = ramp((12, 13, 14), affine)
    for order in (1, 3):
        result = volume.resample([s * factor for s in volume.spacing], order=order)
        np.testing.assert_allclose(result.spacing, np.array(volume.spacing) * factor, rtol=1e-6)
        margin = max(1, int(np.ceil(0.5 / factor))) + (3 if order == 3 else 0)
        margin = min(margin, (min(result.spatial_shape) - 1) // 2)
        result = inside(result, margin)
        expected = ramp(result.spatial_shape, result.affine)
        near = np.all(
            (volume.to_voxel(result.to_world(np.argwhere(np.ones(result.shape)))) >= 3)
            & (volume.to_voxel(result.to_world(np.argwhere(np.ones(result.shape)))) <= [8, 9, 10]),
            axis=-1,
        ).reshape(result.shape)
        scale = np.abs(expected.data).max() + 1
        np.testing.assert_allclose(result.data[near], expected.data[near], atol=(1e-4 if order == 1 else 3e-2) * scale)


def test_resample_covers_the_same_field_of_view():
    volume = Volume(distinct((8, 8, 6), np.int16), np.diag([1.0, 1, 2, 1]))
    half = volume.resample(2.0)
    assert half.shape == (4, 4, 6)
    np.testing.assert_allclose(half.to_world([-0.5, -0.5, -0.5]), volume.to_world([-0.5, -0.5, -0.5]))
    np.testing.assert_array_equal(half.data[1, 1, 2], np.rint(volume.data[2:4, 2:4, 2].mean()))
    assert half.dtype == np.int16


def test_labels_are_never_mixed():
    labels = Volume(np.repeat(np.array([0, 7, 3]), 4).reshape(3, 4, 1), kind="labels", labels={7: "liver"})
    for result in (
        labels.resample(0.37),
        labels.resample_like(Volume(np.zeros((9, 9, 9)), np.diag([0.4, 0.4, 0.4, 1]))),
    ):
        assert set(np.unique(result.data)) <= {0, 3, 7}
        assert result.labels == {7: "liver"}
        assert result.dtype == labels.dtype
    with pytest.raises(InputError, match="order 0"):
        labels.resample(2, order=1)


@quick
@given(source=affines(shear=True), turn=affines())
def test_resample_like_on_any_grid(source, turn):
    volume = ramp((12, 13, 14), source)
    target = Volume(
        np.zeros((6, 7, 8)), source @ np.linalg.inv(from_codes("RAS")) @ np.diag([1.1, 0.9, 0.7, 1]) @ nudge(turn)
    )
    result = volume.resample_like(target, fill=-999)
    assert result.same_grid(target)
    where = volume.to_voxel(target.to_world(np.argwhere(np.ones(target.shape)))).reshape(*target.shape, 3)
    limits = np.array(volume.shape) - 1
    within = ((where >= 0) & (where <= limits)).all(-1)
    beyond = ((where < -0.51) | (where > limits + 0.51)).any(-1)
    expected = ramp(target.shape, target.affine).data
    np.testing.assert_allclose(result.data[within], expected[within], atol=1e-4 * (np.abs(volume.data).max() + 1))
    assert (result.data[beyond] == -999).all()


def nudge(affine):
    """A rotation about the middle of the grid, without the far origin."""
    out = np.eye(4)
    out[:3, :3] = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    out[:3, 3] = np.array([6, 6, 6]) - out[:3, :3] @ [3, 3.5, 4]
    return out


def test_resample_like_takes_flips_exactly():
    volume = Volume(distinct((4, 5, 6), np.uint8), from_codes("LPS", (1, 2, 3), (3, 2, 1)))
    for code in codes():
        turned = volume.reorient(code)
        np.testing.assert_array_equal(volume.resample_like(turned).data, turned.data)
        np.testing.assert_array_equal(volume.resample_like(turned, order=0).data, turned.data)


def test_resample_keeps_types():
    for dtype in (bool, np.uint8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64):
        volume = Volume(distinct((4, 5, 6, 2), dtype))
        for order in (0, 1, 3):
            assert volume.resample(0.6, order=order).dtype == np.dtype(dtype)
    bright = Volume(np.array([[[0, 255, 0, 255, 255]]], np.uint8)).resample((1, 1, 0.3), order=3)
    assert bright.data.max() == 255


@pytest.mark.parametrize("spacing", [0, -1, np.nan, (1, 2), "fine", 1e-9])
def test_bad_spacings(spacing):
    with pytest.raises(InputError):
        Volume(np.zeros((4, 4, 4))).resample(spacing)
