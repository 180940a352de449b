"""Maps for other programs."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pydicom
import pytest

import workbench as wb
from tests.io.make_dicom import dataset, save
from workbench.errors import FileError, InputError
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


def referred(path):
    frames = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    images = [frame.DerivationImageSequence[0].SourceImageSequence[0] for frame in frames]
    return [image.ReferencedSOPInstanceUID for image in images]


@pytest.mark.parametrize("turn", ["cropped", "turned"])
def test_a_part_of_what_was_read_refers_to_the_images_in_whose_planes_it_lies(why, tmp_path, turn):
    whole = wb.read(tmp_path / "mr")
    volume = whole.crop((1, 1, 2), (6, 6, 5)) if turn == "cropped" else whole.reorient("LAS")
    part = wb.explain(toys.cnn_model(3), volume, "saliency", 1)
    everywhere, found = referred(why.export(tmp_path / "whole.dcm")), referred(part.export(tmp_path / "part.dcm"))
    whole_places = [(why.volume.affine @ [0, 0, k, 1])[2] for k in range(6)]
    places = [(volume.affine @ [0, 0, k, 1])[2] for k in range(volume.shape[2])]
    assert found == [everywhere[whole_places.index(place)] for place in places]


def test_a_map_between_the_images_is_written_without_references(why, tmp_path):
    volume = wb.read(tmp_path / "mr").resample((1.0, 1.0, 1.7)).crop((0, 0, 1), (4, 4, 3))
    part = wb.explain(toys.cnn_model(3), volume, "saliency", 1)
    with pytest.warns(wb.io.GeometryWarning, match="written without references"):
        path = part.export(tmp_path / "part.dcm")
    assert "ReferencedSeriesSequence" not in pydicom.dcmread(path)
    assert np.array_equal(wb.read(path).data, part.data)
    with pytest.raises(FileError, match="no image where the map lies"):
        part.export(tmp_path / "part.dcm", source=tmp_path / "mr")


def test_what_was_read_from_no_dicom_stands_alone(tmp_path):
    why = wb.explain(toys.cnn_model(3), toys.noise_volume((6, 7, 5), toys.OBLIQUE), "input-x-gradient", 1)
    made = pydicom.dcmread(why.export(tmp_path / "why.dcm"))
    assert "ReferencedSeriesSequence" not in made
    with pytest.raises(InputError, match="patient=True needs the images"):
        why.export(tmp_path / "why.dcm", patient=True)


def test_a_picture_shows_the_slice_of_the_peak(why, tmp_path):
    picture = wb.read(why.export(tmp_path / "why.png"))
    across, down, _ = why.volume.spacing
    assert (down, across) == (0.5, 0.75)
    assert picture.shape == (7, 9, 3), "6 columns are as wide as 9 rows are high"
    assert picture.dtype == np.uint8
    pixels = np.asarray(picture.data).astype(int)
    turned, image = (one.reorient("LPS").data for one in (why.volume, why.request.volume))
    place = np.unravel_index(turned.argmax(), turned.shape)
    values, under = turned[..., place[2]].T, image[..., place[2]].T.astype(float)
    assert values.argmax() == np.ravel_multi_index((place[1], place[0]), values.shape)
    low, high = np.percentile(under, [1, 99])
    base = np.clip((under - low) / (high - low), 0, 1)[..., None]
    share = np.clip(values / why.display_range[1], 0, 1)
    opacity = 0.6 * share[..., None]
    wanted = 255 * (base * (1 - opacity) + mpl.colormaps["inferno"](share)[..., :3] * opacity)
    columns = [0, 0, 1, 2, 2, 3, 4, 4, 5]
    assert np.abs(pixels - wanted[:, columns]).max() <= 1
    alone = wb.explain.Explanation.load(why.save(tmp_path / "why.npz")).export(tmp_path / "alone.png")
    colours = np.asarray(wb.read(alone).data).astype(int)
    assert np.abs(colours - 255 * mpl.colormaps["inferno"](share)[:, columns, :3]).max() <= 1
    with pytest.raises(InputError, match="refers to no images"):
        why.export(tmp_path / "why.png", patient=True)
    with pytest.raises(InputError, match=r"as \.dcm or \.png"):
        why.export(tmp_path / "why.jpg")
    with pytest.raises(InputError, match="path must be a path, got 5"):
        why.export(5)
    with pytest.raises(InputError, match=r"'pacient'\. Did you mean 'patient'"):
        why.export(tmp_path / "why.png", pacient=True)
