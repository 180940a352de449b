"""Resampling: to a spacing, onto another grid, labels and images."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing import ToolContract
from workbench.tools import resample
from workbench.volume import Volume


def ramp(affine: np.ndarray, shape: tuple[int, ...] = (8, 6, 5)) -> Volume:
    """Values that are the place along R in mm, so that interpolation between them is exact."""
    indices = np.moveaxis(np.indices(shape), 0, -1)
    values = (indices @ affine[:3, :3].T + affine[:3, 3])[..., 0]
    return Volume(values.astype(np.float64), affine, unit="mm")


class TestResample(ToolContract):
    name = "resample"
    options: ClassVar = {"spacing": [1.0, 1.25, 1.25], "order": 1}

    @pytest.fixture
    def inputs(self, affine: np.ndarray) -> dict[str, Any]:
        return {"volume": ramp(affine)}


def test_voxels_get_the_size_and_values_of_their_places(affine: np.ndarray) -> None:
    found = resample(ramp(affine), spacing=(0.4, 1.25, 5.0))
    assert found.spacing == pytest.approx((0.4, 1.25, 5.0))
    assert found.shape == (16, 6, 2)
    inner = found.data[1:-1]
    places = found.to_world(np.moveaxis(np.indices(found.shape), 0, -1))[1:-1, ..., 0]
    assert np.allclose(inner, places)
    assert resample(ramp(affine), spacing=1.25).spacing == pytest.approx((1.25, 1.25, 1.25))


def test_the_grid_of_another_volume(affine: np.ndarray) -> None:
    other = Volume(np.zeros((3, 4, 2)), affine @ np.diag([1.5, 1, 1, 1]) + 0.0)
    found = resample(ramp(affine), other)
    assert found.same_grid(other)
    assert np.allclose(found.data, found.to_world(np.moveaxis(np.indices(other.shape), 0, -1))[..., 0])
    far = np.array(affine)
    far[:3, 3] += 1000
    outside = resample(ramp(affine), like=Volume(np.zeros((2, 2, 2)), far), fill=-7.5)
    assert np.all(outside.data == -7.5)


def test_labels_are_never_mixed(affine: np.ndarray) -> None:
    array = np.zeros((6, 6, 6), np.uint8)
    array[3:] = 200
    labels = Volume(array, affine, kind="labels", labels={200: "x"})
    found = resample(labels, spacing=0.3)
    assert set(np.unique(found.data)) == {0, 200}
    assert (found.kind, found.labels) == ("labels", {200: "x"})
    with pytest.raises(InputError, match=r"would mix them\. Use order 0"):
        resample(labels, spacing=0.3, order=1)


def test_one_of_both_has_to_be_given(affine: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"got neither\. Give one: spacing=1\.0, or like=volume"):
        resample(ramp(affine))
    with pytest.raises(InputError, match="got both"):
        resample(ramp(affine), ramp(affine), spacing=2)
    with pytest.raises(InputError, match="3"):
        resample(ramp(affine), spacing=[1, 2])


def test_a_file_of_labels_is_told_to_be_one(affine: np.ndarray, tmp_path: Any, capsys: Any) -> None:
    from workbench.cli import main

    array = np.zeros((6, 6, 6), np.int16)
    array[3:] = 200
    source, target = tmp_path / "v.nii.gz", tmp_path / "o.nii.gz"
    wb.write(Volume(array, affine), source)
    for kind, values in (("labels", {0, 200}), ("image", None)):
        assert main(["tool", "resample", str(source), str(target), "--spacing=0.3", "--read-as", kind]) == 0
        found = set(np.unique(wb.read(target).data))
        assert found == values if values else len(found) > 2
    capsys.readouterr()
