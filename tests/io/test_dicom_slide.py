"""Whole slides in DICOM, made here tile by tile, and the real ones that are here."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tests.io.make_dicom import dataset, flat, save
from tests.io.test_pyramid import reduced
from workbench import io
from workbench.errors import FileError, InputError
from workbench.io import _dicom_slide, read

SHAPE, TILE = (90, 70), (32, 16)
MICRONS = 0.5
SERIES = generate_uid()


def item(**values):
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def write_level(path, pixels, kind="VOLUME", sparse=False, factor=1, series=SERIES, planes=1, **more):
    """Write [plane, row, column(, colour)] pixels as tiles of one file."""
    pixels = pixels if planes > 1 else pixels[np.newaxis]
    rows, columns = pixels.shape[1:3]
    down, across = -(-rows // TILE[0]), -(-columns // TILE[1])
    padded = np.zeros((len(pixels), down * TILE[0], across * TILE[1], *pixels.shape[3:]), pixels.dtype)
    padded[:, :rows, :columns] = pixels
    places = [(p, r, c) for p in range(len(pixels)) for r in range(down) for c in range(across)]
    if sparse:
        places = [places[n] for n in np.random.default_rng(3).permutation(len(places))]
    tiles = [padded[p, r * TILE[0] : (r + 1) * TILE[0], c * TILE[1] : (c + 1) * TILE[1]] for p, r, c in places]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.6", generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    colour = pixels.ndim == 4
    file = item(
        SOPClassUID=meta.MediaStorageSOPClassUID, SOPInstanceUID=meta.MediaStorageSOPInstanceUID, Modality="SM",
        SeriesInstanceUID=series, PatientName="Doe^John", ImageType=["ORIGINAL", "PRIMARY", kind, "NONE"],
        Rows=TILE[0], Columns=TILE[1], NumberOfFrames=len(tiles), TotalPixelMatrixRows=rows,
        TotalPixelMatrixColumns=columns, SamplesPerPixel=3 if colour else 1,
        PhotometricInterpretation="RGB" if colour else "MONOCHROME2", BitsAllocated=pixels.itemsize * 8,
        BitsStored=pixels.itemsize * 8, HighBit=pixels.itemsize * 8 - 1, PixelRepresentation=0,
        DimensionOrganizationType="TILED_SPARSE" if sparse else "TILED_FULL", **more,
    )  # fmt: skip
    if colour:
        file.PlanarConfiguration = 0
    spacing = [MICRONS * 1e-3 * factor] * 2
    file.SharedFunctionalGroupsSequence = Sequence([item(PixelMeasuresSequence=Sequence([item(PixelSpacing=spacing)]))])
    if sparse:
        file.PerFrameFunctionalGroupsSequence = Sequence([
            item(
                PlanePositionSlideSequence=Sequence([
                    item(RowPositionInTotalImagePixelMatrix=r * TILE[0] + 1,
                         ColumnPositionInTotalImagePixelMatrix=c * TILE[1] + 1, ZOffsetInSlideCoordinateSystem=0.0)
                ]),
                OpticalPathIdentificationSequence=Sequence([item(OpticalPathIdentifier=f"path {p}")]),
            )
            for p, r, c in places
        ])  # fmt: skip
    file.PixelData = b"".join(np.ascontiguousarray(tile).tobytes() for tile in tiles)
    file["PixelData"].VR = "OW" if pixels.itemsize == 2 else "OB"
    file.file_meta = meta
    file.save_as(path, enforce_file_format=True)


@pytest.fixture
def picture():
    grid = np.indices(SHAPE)
    out = np.stack([grid[0] * 2, grid[1] * 2, grid.sum(0)], axis=-1).astype(np.uint8)
    out[40:48, 16:24] = 255
    return out


@pytest.fixture(params=[False, True], ids=["full", "sparse"])
def folder(request, tmp_path, picture):
    home = tmp_path / "slide"
    home.mkdir()
    for number, factor in enumerate((4, 1, 2)):
        write_level(home / f"{number}.dcm", reduced(picture, factor), sparse=request.param, factor=factor)
    write_level(home / "label.dcm", np.full((20, 30, 3), 9, np.uint8), "LABEL")
    write_level(home / "over.dcm", np.full((25, 35, 3), 8, np.uint8), "OVERVIEW")
    (home / "DICOMDIR").write_bytes(bytes(128) + b"DICM an index")
    (home / ".ipynb_checkpoints").mkdir()
    write_level(home / ".ipynb_checkpoints" / "0.dcm", np.zeros((500, 500, 3), np.uint8), series=generate_uid())
    return home


def test_a_folder_is_a_pyramid(folder, picture):
    levels = io.levels(folder)
    assert [level.shape for level in levels] == [(90, 70), (45, 35), (22, 17)]
    np.testing.assert_allclose([level.spacing[0] for level in levels], [0.5e-3, 1e-3, 2e-3])
    assert levels.images == ("label", "overview")
    volume = read(folder)
    assert not volume.is_loaded
    assert (volume.axes, volume.channels) == (("i", "j", "c"), ("red", "green", "blue"))
    np.testing.assert_array_equal(volume.data, picture)
    assert "Doe" not in repr([volume, volume.notes])
    places = []
    for number in (0, 1, 2):
        level = read(folder, level=number)
        np.testing.assert_array_equal(level.data, reduced(picture, (1, 2, 4)[number]))
        places.append(level.to_world(np.argwhere((level.data == 255).all(axis=-1)).mean(axis=0)))
    np.testing.assert_allclose(places, [[-19.5 * 0.5e-3, -43.5 * 0.5e-3, 0]] * 3, atol=1e-12)


@pytest.mark.parametrize("level", [0, 1])
def test_only_the_tiles_of_a_region_are_decoded(folder, level, monkeypatch):
    whole = read(folder, level=level)
    decoded = []
    frames = _dicom_slide._frames
    monkeypatch.setattr(_dicom_slide, "_frames", lambda *given: decoded.extend(given[1]) or frames(*given))
    part = read(folder, level=level, region=((30, 10), (40, 20)))
    assert not decoded
    part.load()
    # rows 30 and 39 lie in two rows of tiles, columns 10 and 19 in two columns
    assert len(decoded) == len(set(decoded)) == 4
    np.testing.assert_array_equal(part.data, whole.crop((30, 10), (40, 20)).data)
    np.testing.assert_allclose(part.affine, whole.crop((30, 10), (40, 20)).affine)


def test_one_file_is_one_level_and_labels_are_asked_for(folder, picture):
    np.testing.assert_array_equal(read(folder / "2.dcm").data, reduced(picture, 2))
    label = read(folder, image="label")
    assert (label.data == 9).all()
    assert "may show a patient's name" in label.notes[0]
    assert any("not read (label, overview)" in note for note in read(folder).notes)
    with pytest.raises(InputError, match="'macro'"):
        read(folder, image="macro")
    with pytest.raises(InputError, match="level=7"):
        read(folder, level=7)


def test_optical_paths_are_channels(tmp_path):
    planes = np.stack([np.indices(SHAPE).sum(0) + 1000 * n for n in range(3)]).astype(np.uint16)
    for sparse in (False, True):
        write_level(tmp_path / "a.dcm", planes, planes=3, sparse=sparse)
        volume = read(tmp_path / "a.dcm")
        np.testing.assert_array_equal(volume.data, planes.transpose(1, 2, 0))
        assert "3 optical paths became the channels" in volume.notes


def test_focal_planes_are_noted(tmp_path):
    planes = np.stack([np.full(SHAPE, n) for n in range(3)]).astype(np.uint8)
    write_level(tmp_path / "a.dcm", planes, planes=3, TotalPixelMatrixFocalPlanes=3)
    volume = read(tmp_path / "a.dcm")
    assert (volume.data == 1).all()
    assert "the middle one of 3 focal planes was read" in volume.notes


def test_several_slides_are_a_choice(folder):
    other = generate_uid()
    write_level(folder / "z.dcm", np.zeros((40, 40, 3), np.uint8), series=other)
    with pytest.raises(InputError, match=rf"2 slides.*{other[-8:]}"):
        read(folder)
    assert read(folder, series=other[-8:]).shape == (40, 40, 3)


def test_other_series_beside_a_slide_are_told_and_can_be_read(folder, picture):
    for k in range(2):
        save(dataset(flat(k), "CT", (0, 0, 2.0 * k), SeriesInstanceUID="1.2.840.77"), folder / f"z{k}.dcm")
    with pytest.warns(io.GeometryWarning, match="2 DICOM files of the folder are of no slide and were left out"):
        np.testing.assert_array_equal(read(folder).data, picture)
    ct = read(folder, series="1.2.840.77")
    assert ct.data[0, 0].tolist() == [0, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read(folder, series=SERIES).data, picture)


def test_a_file_that_is_cut_is_told_when_opened(folder):
    whole = (folder / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(whole[:-500])
    for path in (folder, folder / "1.dcm"):
        with pytest.raises(FileError, match="cut short"):
            read(path)


def test_other_dicom_has_no_levels(tmp_path):
    from workbench import Volume
    from workbench.io import write

    write(Volume(np.zeros((4, 5, 6), np.int16)), tmp_path / "ct")
    with pytest.raises(InputError, match="'dicom' hold one size"):
        io.levels(tmp_path / "ct")


def test_real_slides(workbench_data):
    folder = workbench_data / "dicom_seg"
    image = read(folder / "sm_image_control.dcm")
    assert image.shape == (50, 50, 3)
    np.testing.assert_allclose(image.spacing, (0.000499, 0.000499))
    lossless = [read(folder / f"sm_image{name}.dcm").data for name in ("", "_jpegls", "_jpegls_nobot")]
    np.testing.assert_array_equal(lossless[0], lossless[1])
    np.testing.assert_array_equal(lossless[0], lossless[2])
    assert read(folder / "sm_image_grayscale.dcm").dtype == np.uint16
    # one segmentation in two codings
    binary, coded = (read(folder / f"seg_image_sm_control{name}.dcm") for name in ("", "_labelmap"))
    assert (binary.kind, binary.shape, binary.labels[1]) == ("labels", (50, 50), "RGB(37, 231, 253)")
    np.testing.assert_allclose(binary.affine, image.affine)
    np.testing.assert_array_equal(binary.data, coded.data)
    assert 0 < np.count_nonzero(binary.data) < 1000
