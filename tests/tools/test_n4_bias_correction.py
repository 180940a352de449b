"""N4 on a phantom whose field is known."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import numpy as np
import pytest

from workbench.errors import InputError, MissingExtraError
from workbench.testing import ToolContract
from workbench.tools import n4_bias_correction
from workbench.tools._itk import from_itk, to_itk
from workbench.volume import Volume
from workbench.work import Work

pytest.importorskip("SimpleITK")

SHAPE = (30, 26, 14)


def phantom(affine: np.ndarray) -> tuple[Volume, Volume, np.ndarray]:
    """A ball of 100 in air of 1, brightened by a smooth field: image, ball, field."""
    i, j, k = (axis / length - 0.5 for axis, length in zip(np.indices(SHAPE), SHAPE, strict=True))
    ball = i**2 + j**2 + k**2 < 0.45**2
    field = np.exp(0.8 * i - 0.5 * j + 0.6 * i * k)
    # noise, without which the histogram that N4 sharpens has a single bar
    noise = np.random.default_rng(5).normal(0, 1, SHAPE)
    values = np.where(ball, 100 + noise, 1) * field
    return Volume(values.astype(np.float32), affine, unit="a.u."), Volume(ball, affine, kind="labels"), field


def spread(values: np.ndarray) -> float:
    return float(values.std() / values.mean())


class TestN4(ToolContract):
    name = "n4-bias-correction"
    options: ClassVar = {"shrink": 2, "iterations": (4, 3), "control_points": 5}

    @pytest.fixture
    def inputs(self, affine: np.ndarray) -> dict[str, Any]:
        image, ball, _ = phantom(affine)
        return {"image": image, "mask": ball}


@pytest.mark.parametrize("masked", [True, False])
def test_the_field_is_found(affine: np.ndarray, masked: bool) -> None:
    image, ball, field = phantom(affine)
    inside = ball.data
    assert spread(image.data[inside]) > 0.15
    found = n4_bias_correction(image, ball if masked else None, shrink=2)
    assert spread(found.data[inside]) < 0.025
    estimated = (image.data / found.data)[inside] / field[inside]
    assert spread(estimated) < 0.02
    assert (found.unit, found.dtype) == ("a.u.", np.float32)


def test_a_picture_is_corrected_too() -> None:
    image, ball, _ = phantom(np.diag([1.0, 1.5, 4.0, 1]))
    found = n4_bias_correction(image.slice_2d(2, 7), ball.slice_2d(2, 7), shrink=1)
    inside = ball.data[:, :, 7]
    assert spread(found.data[inside]) < 0.3 * spread(image.data[:, :, 7][inside])


def test_itk_is_told_where_the_voxels_lie(affine: np.ndarray) -> None:
    import SimpleITK

    sheared = np.array(affine)
    sheared[0, 2] += 0.4
    for matrix in (affine, sheared):
        volume = Volume(np.arange(60, dtype=np.float32).reshape(5, 4, 3), matrix)
        image = to_itk(SimpleITK, volume.data, volume)
        for index in ((0, 0, 0), (4, 3, 2), (1, 2, 0)):
            assert image.GetPixel(index) == volume.data[index]
            lps = image.TransformIndexToPhysicalPoint(index)
            assert np.allclose(np.array(lps) * [-1, -1, 1], volume.to_world(index), atol=1e-4)
        assert image.GetSpacing() == pytest.approx(volume.spacing)
        assert np.array_equal(from_itk(SimpleITK, image), volume.data)


def test_what_cannot_be_corrected_is_said(affine: np.ndarray) -> None:
    image, ball, _ = phantom(affine)
    with pytest.raises(InputError, match=r"not finite.*nan_to_num"):
        n4_bias_correction(image.with_data(np.where(ball.data, np.nan, image.data)))
    with pytest.raises(InputError, match="No voxel is in the mask"):
        n4_bias_correction(image, ball.with_data(np.zeros(SHAPE, bool)))
    with pytest.raises(InputError, match="No voxel is in the mask"):
        n4_bias_correction(image.with_data(np.zeros(SHAPE)))
    with pytest.raises(InputError, match=r"got -5 inside of the mask"):
        n4_bias_correction(image.with_data(np.where(ball.data, -5.0, 1.0)), ball)
    with pytest.raises(InputError, match=r"resample\(mask, like=image\)"):
        n4_bias_correction(image, ball.crop((0, 0, 0), (9, 9, 9)))
    thin = np.zeros(SHAPE, bool)
    thin[0, 0, 0] = True
    with pytest.raises(InputError, match=r"Give a smaller shrink"):
        n4_bias_correction(image, ball.with_data(thin), shrink=8)


def test_an_error_of_who_is_told_is_the_one_that_is_raised(affine: np.ndarray, capfd: Any) -> None:
    image, ball, _ = phantom(affine)

    def told(fraction: float, text: str) -> None:
        raise KeyError(text)

    usual = sys.excepthook
    with pytest.raises(KeyError, match="level 1 of 4"):
        n4_bias_correction(image, ball, work=Work(told))
    assert sys.excepthook is usual
    assert capfd.readouterr().err == ""


def test_without_the_extra_it_says_what_to_install(affine: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(MissingExtraError, match=r"N4 bias correction \(SimpleITK\).*medical-workbench\[tools\]"):
        n4_bias_correction(phantom(affine)[0])
