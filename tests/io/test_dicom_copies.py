"""A copy is the same UID, the same place and the same pixels, in another file. Nothing else is left out."""

from __future__ import annotations

import numpy as np

from tests.io.make_dicom import dataset, flat, save, series
from workbench.io import read
from workbench.testing.files import drain

UID = "1.2.826.0.1.3680043.8.498.77"


def notes(volume):
    return " ".join(volume.notes)


def test_copies_of_files_are_left_out_and_counted(tmp_path):
    folder = series(tmp_path / "s", [(10 * k, 2.0 * k, {}) for k in range(4)])
    (folder / "sub").mkdir()
    for name in ("001.dcm", "002.dcm"):
        (folder / "sub" / name).write_bytes((folder / name).read_bytes())
    volume = read(folder)
    assert "2 files are copies of others (same instance UID, place and pixels)" in notes(volume)
    assert volume.shape == (5, 4, 4)
    assert volume.data[0, 0].tolist() == [0, 10, 20, 30]


def test_a_copy_in_another_encoding_is_a_copy(tmp_path):
    folder = series(tmp_path / "s", [(10 * k, 2.0 * k, {}) for k in range(3)])
    again = dataset(flat(10), position=(0, 0, 2.0), number=2)
    again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = _uid(folder / "001.dcm")
    again.ImageComments = "sent again"
    again.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    save(again, folder / "again.dcm")
    volume = drain(folder)
    assert volume.shape == (5, 4, 3)
    assert "1 files are copies" in notes(volume)


def _uid(path):
    import pydicom

    return pydicom.dcmread(path).SOPInstanceUID


def test_one_uid_at_different_places_is_many_slices(tmp_path):
    folder = series(tmp_path / "s", [(7, 2.0 * k, {"SOPInstanceUID": UID}) for k in range(4)])
    volume = drain(folder)
    assert volume.shape == (5, 4, 4)
    assert "4 images share an instance UID with another image that lies elsewhere" in notes(volume)


def test_one_uid_with_other_pixels_is_kept_as_a_channel(tmp_path):
    images = [(10 * k, 2.0 * k, {}) for k in range(3)]
    folder = series(tmp_path / "s", [*images, (99, 2.0, {"SOPInstanceUID": UID}), (10, 2.0, {"SOPInstanceUID": UID})])
    volume = drain(folder)
    assert volume.num_channels == 3
    assert sorted(volume.data[0, 0, 1].tolist()) == [10, 10, 99]
    assert "2 images share an instance UID" in notes(volume)


def test_one_uid_for_different_echoes_of_blank_slices(tmp_path):
    images = [(0, 2.0 * k, {"SOPInstanceUID": f"{UID}.{k}", "EchoTime": echo}) for echo in (5, 10) for k in range(2)]
    volume = drain(series(tmp_path / "s", images))
    assert volume.shape == (5, 4, 2, 2)
    assert volume.channels == ("echo 5 ms", "echo 10 ms")


def test_same_pixels_under_another_uid_are_not_dropped(tmp_path):
    folder = series(tmp_path / "s", [(10 * k, 2.0 * k, {}) for k in (0, 1, 2, 1)])
    volume = drain(folder)
    assert volume.data[0, 0].tolist() == [[0, 10], [10, 10], [20, 10]]
    assert "up to 2 images lie at a position" in notes(volume)
    assert "more than one lie at (0 0 2)" in notes(volume)
    assert "nothing but their numbers" in notes(volume)


def test_frames_of_one_file_are_never_copies(tmp_path):
    frames = np.stack([flat(5)] * 3)
    same = [{"FrameContentSequence": {"TemporalPositionIndex": n + 1}} for n in range(3)]
    made = dataset(frames, position=(0, 0, 1), PerFrameFunctionalGroupsSequence=same)
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.channels == ("time 1", "time 2", "time 3")
    assert volume.shape == (5, 4, 1, 3)


def test_copies_of_a_file_of_frames(tmp_path):
    frames = np.stack([flat(5 * n) for n in range(3)])
    made = dataset(frames, "CT", position=(0, 0, 1), SpacingBetweenSlices=2)
    for name in ("a", "b"):
        save(made, tmp_path / name)
    volume = drain(tmp_path)
    assert volume.data[0, 0].tolist() == [0, 5, 10]
    assert "1 files are copies" in notes(volume)


def test_pictures_without_a_place(tmp_path):
    made = dataset(flat(3), "OT")
    for name in ("a", "b"):
        save(made, tmp_path / name)
    assert drain(tmp_path).shape == (4, 5)
    save(dataset(flat(4), "OT", SOPInstanceUID=made.SOPInstanceUID), tmp_path / "c")
    volume = drain(tmp_path)
    assert volume.shape == (5, 4, 2)
    assert "1 files are copies" in notes(volume)


def test_nothing_is_decoded_where_no_uid_comes_twice(tmp_path, monkeypatch):
    folder = series(tmp_path / "s", [(10 * k, 2.0 * k, {"EchoTime": 5 + e}) for e in (0, 1) for k in range(3)])

    def fail(*args, **options):
        raise AssertionError("pixels were read")

    monkeypatch.setattr("workbench.io._dicom_copies.open_source", fail)
    monkeypatch.setattr("workbench.io._dicom_copies.decode", fail)
    assert read(folder).num_channels == 2


def test_files_without_uid_are_never_copies(tmp_path):
    folder = series(tmp_path / "s", [(10 * k, 2.0 * k, {}) for k in range(3)])
    made = dataset(flat(10), position=(0, 0, 2))
    del made.SOPInstanceUID
    for name in ("x", "y"):
        made.save_as(folder / name, enforce_file_format=False, implicit_vr=False, little_endian=True)
    assert drain(folder).num_channels == 3
