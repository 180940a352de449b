"""A zip of DICOM reads like the folder it was made of; other archives, and bad ones, are told in words."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from tests.io.make_dicom import dataset, flat, save, series
from workbench import Volume
from workbench.errors import FileError, InputError, WorkbenchError
from workbench.io import list_series, read, write
from workbench.testing.files import drain
from workbench.testing.formats import same


def pack(target, folder, method=zipfile.ZIP_DEFLATED, prefix=""):
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    series(folder / "a", [(10 * k + e, 2.0 * k, {"EchoTime": 5 + e}) for k in range(3) for e in range(2)])
    for k in range(4):
        made = dataset(flat(k, 6, 6), "CT", position=(0, 0, 3.0 * k), SeriesInstanceUID="1.2.3.42")
        save(made, folder / "a" / f"ct{k}")
    (folder / "readme.txt").write_text("not DICOM")
    return folder


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_reads_like_the_folder(study, tmp_path, method):
    archive = pack(tmp_path / "study.zip", study, method)
    assert [str(info) for info in list_series(archive)] == [str(info) for info in list_series(study)]
    with pytest.raises(InputError, match=r"holds 2 series; choose one with series="):
        read(archive)
    for wanted in list_series(archive):
        volume, expected = drain(archive, series=wanted), drain(study, series=wanted)
        same(volume, expected)
        assert volume.channels == expected.channels
        assert volume.notes == expected.notes
    assert read(archive, series="42").source == archive
    assert ".zip" in repr(read(archive, series="42"))
    same(drain(archive, series=list_series(archive)[0], volume=1), drain(study, series=list_series(study)[0], volume=1))


def test_the_name_does_not_matter_and_nothing_is_unpacked(study, tmp_path):
    place = tmp_path / "alone"
    place.mkdir()
    archive = pack(place / "export", study)
    drain(archive, series="42")
    assert [path.name for path in place.iterdir()] == ["export"]


def test_hidden_members_are_no_data_and_no_name_leads_out(study, tmp_path):
    archive = pack(tmp_path / "s.zip", study)
    stray = save(dataset(flat(99, 6, 6), "CT", position=(0, 0, 12.0), SeriesInstanceUID="1.2.3.42"), tmp_path / "x")
    with zipfile.ZipFile(archive, "a") as opened:
        for name in ("__MACOSX/a/._ct0", ".ipynb_checkpoints/ct0", "a/.hidden/ct0", "a/._ct0", "__MACOSX\\._ct1"):
            opened.write(stray, name)
    assert drain(archive, series="42").shape == (6, 6, 4)
    with zipfile.ZipFile(archive, "a") as opened:
        opened.write(stray, "../../escaped.dcm")
    assert drain(archive, series="42").shape == (6, 6, 5)
    assert not list(tmp_path.rglob("escaped.dcm"))
    assert not (tmp_path.parent / "escaped.dcm").exists()


def test_archives_of_other_things_say_what_they_hold(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    for name in ("Doe.John.png", "b.png", "c.nii.gz"):
        (folder / name).write_bytes(b"x" * 200)
    with pytest.raises(
        FileError, match=r"zip archive without a DICOM image; it holds 2 x \.png, 1 x \.nii\.gz"
    ) as raised:
        read(pack(tmp_path / "a.zip", folder))
    assert "Doe" not in str(raised.value).replace(str(tmp_path), "")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(FileError, match="it holds nothing"):
        read(tmp_path / "empty.zip")


def test_arrays_in_a_zip_are_those_of_numpy(tmp_path):
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    path = write(volume, tmp_path / "a.npz")
    same(drain(path), volume)
    same(drain(path.rename(tmp_path / "b.zip")), volume)
    with pytest.raises(FileError, match="not a folder or a zip archive"):
        list_series(tmp_path / "b.zip")


def test_a_damaged_archive_is_a_file_error(study, tmp_path):
    archive = pack(tmp_path / "s.zip", study)
    whole = archive.read_bytes()
    generator = np.random.default_rng(3)
    for number in range(60):
        changed = bytearray(whole[: generator.integers(30, len(whole))] if number % 5 == 0 else whole)
        for place in generator.integers(0, len(changed), 1 + number % 6):
            changed[place] = generator.integers(0, 256)
        archive.write_bytes(changed)
        try:
            drain(archive, series="42")
        except WorkbenchError:
            continue


def test_a_changed_byte_of_pixels_is_told(study, tmp_path):
    archive = pack(tmp_path / "s.zip", study, zipfile.ZIP_STORED)
    volume = read(archive, series="42")
    whole = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo("a/ct0")
    whole[info.header_offset + 30 + len("a/ct0") + info.file_size - 3] ^= 0xFF
    archive.write_bytes(whole)
    with pytest.raises(FileError, match="has not the bytes it promises"):
        volume.load()


def test_promises_that_cannot_be_are_refused(study, tmp_path, monkeypatch):
    archive = pack(tmp_path / "s.zip", study)
    whole = bytearray(archive.read_bytes())
    directory = whole.find(b"PK\1\2")
    while directory >= 0:
        whole[directory + 24 : directory + 28] = (2**31 - 1).to_bytes(4, "little")
        directory = whole.find(b"PK\1\2", directory + 4)
    archive.write_bytes(whole)
    with pytest.raises(FileError, match="promises 2,147,483,647 bytes of a member"):
        read(archive)


def test_encrypted_and_unusual_archives_are_told_in_words(study, tmp_path):
    archive = pack(tmp_path / "s.zip", study)
    whole = bytearray(archive.read_bytes())
    directory = whole.find(b"PK\1\2")
    while directory >= 0:
        whole[directory + 8] |= 1
        directory = whole.find(b"PK\1\2", directory + 4)
    archive.write_bytes(whole)
    with pytest.raises(FileError, match=r"is encrypted\. Unpack it"):
        read(archive)
    with pytest.raises(FileError, match=r"packed by method 12, which is not supported"):
        read(pack(tmp_path / "b.zip", study, zipfile.ZIP_BZIP2))


def test_segmentations_and_single_files_in_an_archive(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    groups = [
        {
            "PlanePositionSequence": {"ImagePositionPatient": [0, 0, 2.0 * k]},
            "SegmentIdentificationSequence": {"ReferencedSegmentNumber": 1},
        }
        for k in range(2)
    ]
    made = dataset(
        np.stack([flat(1, dtype=np.uint8), flat(0, dtype=np.uint8)]), position=(0, 0, 0), SegmentationType="BINARY",
        PerFrameFunctionalGroupsSequence=groups, SegmentSequence={"SegmentNumber": 1, "SegmentLabel": "liver"},
    )  # fmt: skip
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    save(made, folder / "seg.dcm")
    volume = drain(pack(tmp_path / "s.zip", folder))
    assert (volume.kind, volume.labels) == ("labels", {1: "liver"})
    assert volume.data[0, 0].tolist() == [1, 0]
