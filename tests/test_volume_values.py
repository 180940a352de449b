"""Byte order, and labels that are real numbers or greys."""

from __future__ import annotations

import numpy as np
import pytest

from workbench import Volume
from workbench.errors import InputError


@pytest.mark.parametrize("order", ["<", ">"])
def test_voxels_are_in_the_order_of_the_machine(order, affine):
    values = np.arange(24).reshape(2, 3, 4)
    for code in ("i2", "u4", "f4", "f8"):
        stored = values.astype(order + code)
        for volume in (
            Volume(stored, affine),
            Volume(values, affine, dtype=order + code),
            Volume(lambda stored=stored: stored, affine, shape=stored.shape, dtype=stored.dtype),
            Volume(np.zeros((2, 3, 4)), affine).with_data(stored),
        ):
            assert volume.dtype.isnative
            assert volume.data.dtype.isnative
            np.testing.assert_array_equal(volume.data, values)
        assert Volume(stored).fingerprint() == Volume(values.astype(code)).fingerprint()


def test_labels_that_went_through_float32_are_whole():
    kept = [0, 1, 2, 117, 40_001]
    through = np.array([kept]) * np.float32(1 / 3) * 3.0 + 1e-9
    assert not np.array_equal(through, [kept])
    labels = Volume(through, kind="labels")
    np.testing.assert_array_equal(labels.data, [kept])
    assert labels.dtype == np.int32
    for fraction in (1.001, 0.999, 1.5, 117.001):
        with pytest.raises(InputError, match="not fractions"):
            Volume(np.array([[0.0, fraction]]), kind="labels")


@pytest.mark.parametrize(
    ("values", "mapping"),
    [
        ([0, 255], "{0: 0, 255: 1}"),
        ([0, 128, 255], "{0: 0, 128: 1, 255: 2}"),
        ([0, 85, 170, 255], "{0: 0, 85: 1, 170: 2, 255: 3}"),
        ([0, 1, 255], ""),
        ([0, 1], ""),
        ([255, 255], ""),
    ],
)
def test_labels_that_look_like_greys_are_noted_when_they_are_loaded(values, mapping):
    for dtype in (np.uint8, np.int32):
        volume = Volume(
            lambda dtype=dtype: np.array([values], dtype), shape=(1, len(values)), dtype=dtype, kind="labels"
        )
        volume.load()
        assert bool(volume.notes) == bool(mapping)
        assert mapping in "".join(volume.notes)
    named = Volume(lambda: np.array([values]), shape=(1, len(values)), dtype=int, kind="labels", labels={255: "tumour"})
    assert not named.load().notes
