from __future__ import annotations

import warnings

import numpy as np
import pydicom
import pytest

from tests.io.make_dicom import SECRET, dataset, flat, save
from workbench import Volume
from workbench._geometry import from_codes
from workbench.errors import FileError, InputError
from workbench.io import GeometryWarning, list_series, read, write
from workbench.testing.files import distinct
from workbench.testing.formats import FormatContract

POSITIONS = {
    "HFS": [1, 0, 0, 0, 1, 0],
    "HFP": [-1, 0, 0, 0, -1, 0],
    "FFS": [-1, 0, 0, 0, 1, 0],
    "FFP": [1, 0, 0, 0, -1, 0],
}


class TestDicom(FormatContract):
    suffixes = ("",)
    dtypes = ("uint8", "int8", "int16", "uint16")
    keeps_channels = False
    # rows and columns are at right angles; a lean of the slices (gantry tilt) is tested below
    keeps_shear = False

    def path(self, folder, suffix):
        folder = folder / "series"
        folder.mkdir(exist_ok=True)
        return folder / f"s{suffix.replace('.', '')}{len(list(folder.iterdir()))}"

    def unplaced(self, folder, sized):
        made = dataset(flat(3), "DX", ImagerPixelSpacing=[0.25, 0.5]) if sized else dataset(flat(3), "OT")
        return save(made, folder / "unplaced.dcm")

    def parts(self, path):
        return sorted(path.iterdir())[:1]

    def test_empty_file_is_a_file_error(self, tmp_path):
        (tmp_path / "a.dcm").write_bytes(b"")
        with pytest.raises(FileError, match="empty"):
            read(tmp_path / "a.dcm")

    def test_truncation_is_told_when_opened(self, tmp_path):
        path = sorted(write(self.volume("int16"), tmp_path / "s").iterdir())[2]
        whole = path.read_bytes()
        for keep in (1, 100, 140, len(whole) // 2, len(whole) - 9):
            path.write_bytes(whole[:keep])
            with pytest.raises(FileError):
                read(path)
            if keep > 132:
                with pytest.warns(GeometryWarning, match="left out"):
                    assert "damaged" in read(tmp_path / "s").notes[0]

    def test_unwritable_place_is_a_file_error(self, tmp_path):
        with pytest.raises(FileError, match="does not exist"):
            write(self.volume("uint8"), tmp_path / "nowhere" / "series")
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "x").write_text("")
        with pytest.raises(FileError, match="not empty"):
            write(self.volume("uint8"), tmp_path / "full")

    def test_nothing_is_left_when_writing_fails(self, tmp_path):
        with pytest.raises(InputError):
            write(Volume(np.zeros((2, 2, 2, 5))), tmp_path / "series")
        assert not list(tmp_path.iterdir())


def positions_are_kept(volume, folder):
    """Every pixel of every file lies in the volume where its own header says."""
    for path in folder.iterdir():
        item = pydicom.dcmread(path)
        across, down = np.array(item.ImageOrientationPatient).reshape(2, 3)
        place = np.array(item.ImagePositionPatient) + across * 1.5 * 3 + down * 0.75 * 2
        i, j, k = volume.to_voxel(place * [-1, -1, 1])
        np.testing.assert_allclose([i, j], [3, 2], atol=1e-6)
        assert abs(k - round(k)) < 1e-6
        assert volume.data[3, 2, round(k)] == int(item.pixel_array[2, 3]) - 1024


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("direction", [1, -1])
def test_four_patient_positions(series, position, direction):
    orientation = POSITIONS[position]
    normal = np.cross(orientation[:3], orientation[3:])
    folder, data = series(orientation=orientation, step=normal * 2.5 * direction)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = read(folder)
    assert volume.shape == (5, 4, 6)
    assert volume.spacing == pytest.approx((1.5, 0.75, 2.5))
    assert volume.unit == "HU"
    assert volume.dtype == np.int16
    assert volume.orientation == {"HFS": "LPS", "HFP": "RAS", "FFS": "RPI", "FFP": "LAI"}[position]
    np.testing.assert_array_equal(volume.data, data[::direction].transpose(2, 1, 0))
    positions_are_kept(volume, folder)


def test_oblique_slices(series, affine):
    columns = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    folder, _ = series(orientation=columns.T.ravel())
    positions_are_kept(read(folder), folder)


def test_missing_slices_are_reported_and_leave_a_gap(series):
    folder, data = series(slices=8, change=lambda k, item: k not in {2, 5})
    with pytest.warns(GeometryWarning, match=r"2 missing slices of 8, 2.5 mm apart: k = \[2, 5\] at \(-10 20 35\)"):
        volume = read(folder)
    assert volume.shape == (5, 4, 8)
    positions_are_kept(volume, folder)
    assert (volume.data[:, :, 2] == volume.data.min()).all()
    np.testing.assert_array_equal(volume.data[:, :, 3], data[3].T)


def test_two_slices_at_one_place_are_both_kept(series):
    def double(k, item):
        if k == 3:
            item.ImagePositionPatient = [-10, 20, 35]

    folder, data = series(change=double)
    with pytest.warns(GeometryWarning) as caught:
        volume = read(folder)
    notes = " ".join(str(note.message) for note in caught)
    assert "up to 2 images lie at a position; they are 2 channels" in notes
    assert "4 slices are missing and left blank; more than one lie at (-10 20 35)" in notes
    assert "1 missing slices of 6" in notes
    assert volume.shape == (5, 4, 6, 2)
    np.testing.assert_array_equal(sorted(volume.data[0, 0, 2].tolist()), sorted(data[2:4, 0, 0].tolist()))
    np.testing.assert_array_equal(volume.data[:, :, 5, 0], data[5].T)


def test_uneven_slices_are_reported(series):
    def shift(k, item):
        if k >= 4:
            item.ImagePositionPatient = [-10, 20, 30 + 2.5 * k + 0.9]

    folder, _ = series(change=shift)
    with pytest.warns(GeometryWarning, match=r"unevenly spaced: gaps from 2.5 to 3.4 mm"):
        volume = read(folder)
    np.testing.assert_allclose(volume.to_world([0, 0, 5]), [10, -20, 30 + 12.5 + 0.9])


def test_gantry_tilt_is_reported_and_keeps_places(series):
    folder, _ = series(step=[0, 0.5, 2.5])
    volume = read(folder)
    assert any("gantry tilt of 11.31 degrees" in note for note in volume.notes)
    positions_are_kept(volume, folder)


def test_sheared_volumes_round_trip(tmp_path):
    affine = from_codes("LPS", (1, 1, 2))
    affine[1, 2] = 0.5
    volume = Volume(distinct((3, 4, 5), np.int16), affine, unit="HU")
    result = read(write(volume, tmp_path / "s"))
    assert any("tilt" in note for note in result.notes)
    np.testing.assert_allclose(result.affine, affine, atol=1e-9)
    np.testing.assert_array_equal(result.data, volume.data)


def test_rescale_of_each_slice(series):
    def scale(k, item):
        item.RescaleSlope, item.RescaleIntercept = 0.5 + k, -k

    folder, data = series(change=scale)
    volume = read(folder)
    assert volume.dtype == np.float32
    slopes, inters = (0.5 + np.arange(6))[:, None, None], -np.arange(6)[:, None, None]
    np.testing.assert_allclose(volume.data, ((data + 1024) * slopes + inters).transpose(2, 1, 0))


def test_several_series_must_be_chosen(series):
    folder, first = series(slices=6, folder="study/a")
    _, second = series(slices=4, folder="study/b/c", modality="MR")
    (folder.parent / "notes.txt").write_text("not DICOM" * 50)
    (folder.parent / "DICOMDIR").write_bytes(bytes(128) + b"DICMnonsense")
    infos = list_series(folder.parent)
    assert [(info.modality, info.slices, info.shape) for info in infos] == [("CT", 6, (5, 4, 6)), ("MR", 4, (5, 4, 4))]
    with pytest.raises(
        InputError, match=rf"2 series.*{infos[0].suffix}: CT, 6 slices.*{infos[1].suffix}: MR"
    ) as raised:
        read(folder.parent)
    assert SECRET not in str(raised.value) + repr(infos)
    np.testing.assert_array_equal(read(folder.parent, series=infos[1].suffix).data, second.transpose(2, 1, 0))
    np.testing.assert_array_equal(read(folder.parent, series=infos[0]).data, first.transpose(2, 1, 0))
    with pytest.raises(InputError, match="fits 0"):
        read(folder.parent, series="999999999")


def test_mixed_orientations_in_one_series(series):
    def turn(k, item):
        if k == 5:
            item.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    folder, _ = series(change=turn)
    with pytest.raises(InputError, match=r"2 sizes or orientations.*stack="):
        read(folder)
    assert read(folder, stack=0).shape == (5, 4, 5)
    assert read(folder, stack=1).shape == (5, 4, 1)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_slices_without_a_place_are_named(series, keyword):
    lost = []

    def lose(k, item):
        if k in {1, 4}:
            del item[keyword]
            lost.append(f"im{item.InstanceNumber - 1:02d}")

    folder, data = series(change=lose)
    with pytest.raises(InputError) as error:
        read(folder)
    message = str(error.value)
    assert f"Each slice needs {keyword}" in message
    assert f"2 of the 6 slices in {folder} lack it: {', '.join(sorted(lost))}. Export them again" in message
    assert "stack=0, which takes the 4 slices" in message
    with pytest.warns(GeometryWarning, match="2 missing slices"):
        volume = read(folder, stack=0)
    np.testing.assert_array_equal(volume.data[:, :, 5], data[5].T)
    with pytest.raises(InputError, match=r"got 7"):
        read(folder, stack=7)


def test_echoes_are_channels_or_chosen(series):
    def echo(k, item):
        item.EchoTime = [4.6, 9.2][k % 2]
        item.ImagePositionPatient = [-10, 20, 30 + 2.5 * (k // 2)]

    folder, data = series(change=echo, modality="MR")
    volume = read(folder)
    assert "2 images lie at each position" in volume.notes[0]
    assert volume.channels == ("echo 4.6 ms", "echo 9.2 ms")
    np.testing.assert_array_equal(volume.data[..., 1], data[1::2].transpose(2, 1, 0))
    np.testing.assert_array_equal(read(folder, volume=1).data, data[1::2].transpose(2, 1, 0))
    with pytest.raises(InputError, match="0 to 1"):
        read(folder, volume=2)


def test_words_about_the_patient_stay_in_the_file(series, caplog, capsys):
    def spoil(k, item):
        item.add_new("PatientBirthDate", "DA", SECRET)
        item.add_new("PatientAge", "AS", SECRET)

    with pytest.warns(UserWarning, match="Invalid value"):
        folder, _ = series(change=spoil)
    caplog.clear()
    capsys.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = read(folder).load()
    told = repr(volume) + caplog.text + "".join(capsys.readouterr()) + repr(volume._meaning()["notes"])
    assert SECRET not in told


def test_folders_without_images(tmp_path):
    with pytest.raises(FileError, match="no DICOM image"):
        read(tmp_path)
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "b.dcm").write_bytes(bytes(128) + b"DICM" + b"\xff" * 100)
    with pytest.raises(FileError, match=r"DICOM files that cannot be read: 1; the first: .*b\.dcm"):
        read(tmp_path)


def test_no_name_is_written(tmp_path):
    folder = write(Volume(distinct((3, 4, 5), np.int16), unit="HU"), tmp_path / "s")
    items = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    assert {str(item.PatientName) + str(item.PatientID) for item in items} == {""}
    assert len({item.SOPInstanceUID for item in items}) == 5
    assert len({item.SeriesInstanceUID for item in items}) == 1


def test_wide_values_are_written_in_16_bits(tmp_path):
    data = np.linspace(-3.5, 8.25, 60).reshape(3, 4, 5)
    result = read(write(Volume(data), tmp_path / "s"))
    np.testing.assert_allclose(result.data, data, atol=11.75 / 65535)
    whole = np.arange(60).reshape(3, 4, 5) + 100_000
    np.testing.assert_array_equal(read(write(Volume(whole), tmp_path / "t")).data, whole)


def test_simpleitk_agrees(tmp_path, affine):
    sitk = pytest.importorskip("SimpleITK")
    volume = Volume(distinct((3, 4, 5), np.int16), affine, unit="HU").reorient("LPS")
    folder = write(volume, tmp_path / "s")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, volume.data)
    far = np.array(image.TransformIndexToPhysicalPoint((2, 3, 4))) * [-1, -1, 1]
    np.testing.assert_allclose(far, volume.to_world([2, 3, 4]), atol=1e-5)


def test_colour_and_dark_pictures(series):
    def colour(k, item):
        item.SamplesPerPixel, item.PhotometricInterpretation, item.PlanarConfiguration = 3, "YBR_FULL", 0
        item.BitsAllocated, item.BitsStored, item.HighBit = 8, 8, 7
        item.PixelData = np.full((4, 5, 3), (100, 128, 128), np.uint8).tobytes()
        del item.ImagePositionPatient, item.ImageOrientationPatient

    folder, _ = series(slices=1, change=colour)
    volume = read(folder)
    assert (volume.shape, volume.axes, volume.channels) == ((4, 5, 3), ("i", "j", "c"), ("red", "green", "blue"))
    assert (volume.data == 100).all()
    assert volume.spacing == (0.75, 1.5)

    folder, data = series(
        slices=1, folder="dark", change=lambda k, item: setattr(item, "PhotometricInterpretation", "MONOCHROME1")
    )
    volume = read(folder)
    np.testing.assert_array_equal(volume.data[..., 0], data[0].T)
    assert any("MONOCHROME1" in note for note in volume.notes)
