"""Fixtures of the tests of DICOM."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import generate_uid

from tests.io.make_dicom import dataset, save
from workbench.testing.files import distinct


@pytest.fixture
def series(tmp_path):
    """Write slices to a folder: `series(slices=..., orientation=..., change=...)`."""

    def build(slices=6, orientation=(1, 0, 0, 0, 1, 0), step=None, change=None, folder="series", modality="CT"):
        across, down = np.array(orientation, float).reshape(2, 3)
        step = np.cross(across, down) * 2.5 if step is None else np.array(step, float)
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        data = distinct((slices, 4, 5), np.int16)
        common = {
            "SeriesInstanceUID": generate_uid(), "ImageOrientationPatient": [float(n) for n in orientation],
            "PixelSpacing": [0.75, 1.5], "SliceThickness": 2.5, "BitsStored": 12, "HighBit": 11,
            "PixelRepresentation": 0, "RescaleSlope": 1, "RescaleIntercept": -1024,
        }  # fmt: skip
        # names and numbers run in another order than positions
        names = np.random.default_rng(3).permutation(slices)
        for k in range(slices):
            position = [float(n) for n in np.array([-10, 20, 30]) + step * k]
            made = dataset(data[k], modality, position, int(names[k]) + 1, **common)
            if change is None or change(k, made) is not False:
                save(made, place / f"im{names[k]:02d}")
        return place, data - 1024

    return build
