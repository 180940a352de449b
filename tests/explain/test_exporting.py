"""Maps for other programs."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import workbench as wb
from tests.io.make_dicom import dataset, save
from workbench.errors import InputError
from workbench.testing import toys


@pytest.fixture
def why(tmp_path):
    folder = tmp_path / "mr"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 900, (7, 6)).astype(np.uint16)
        save(dataset(pixels, "MR", (0, 0, 2.0 * number), number + 1), folder / f"{number}.dcm")
    return wb.explain(toys.cnn_model(3), wb.read(folder), "saliency", 1)


def test_a_dicom_map_reads_back_and_refers_to_what_was_read(why, tmp_path):
    path = why.export(tmp_path / "why.dcm")
    again = wb.read(path)
    assert np.array_equal(again.data, why.data)
    assert np.array_equal(again.affine, why.affine)
    made = pydicom.dcmread(path)
    assert len(made.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 6
    assert made.SeriesDescription == "Saliency: class 1 (define_cnn)"
    assert made.PatientID == ""


def test_what_was_read_from_no_dicom_stands_alone(tmp_path):
    why = wb.explain(toys.cnn_model(3), toys.noise_volume((6, 7, 5), toys.OBLIQUE), "input-x-gradient", 1)
    made = pydicom.dcmread(why.export(tmp_path / "why.dcm"))
    assert "ReferencedSeriesSequence" not in made
    with pytest.raises(InputError, match="patient=True needs the images"):
        why.export(tmp_path / "why.dcm", patient=True)


def test_a_picture_shows_the_slice_of_the_peak(why, tmp_path):
    picture = wb.read(why.export(tmp_path / "why.png"))
    assert picture.shape == (7, 6, 3)
    assert picture.dtype == np.uint8
    brightest = np.asarray(picture.data).astype(int).sum(axis=-1)
    turned = why.volume.reorient("LPS").data
    place = np.unravel_index(turned.argmax(), turned.shape)
    assert brightest[place[1], place[0]] == brightest.max()
    with pytest.raises(InputError, match="refers to no images"):
        why.export(tmp_path / "why.png", patient=True)
    with pytest.raises(InputError, match=r"as \.dcm or \.png"):
        why.export(tmp_path / "why.jpg")
    with pytest.raises(InputError, match="path must be a path, got 5"):
        why.export(5)
    with pytest.raises(InputError, match="'pacient'. Did you mean 'patient'"):
        why.export(tmp_path / "why.png", pacient=True)
