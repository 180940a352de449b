from __future__ import annotations

import re

import numpy as np
import pytest

import workbench as wb
from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.io import read, write


def fill(folder, suffix, count=3, shape=(4, 5)):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        write(Volume(np.full(shape, number, np.uint8)), folder / f"doe-{number}{suffix}")


@pytest.mark.parametrize(
    ("suffix", "shape", "name"),
    [(".png", (4, 5), "picture"), (".nii.gz", (4, 5, 6), "nifti"), (".tif", (4, 5), "tiff")],
)
def test_a_folder_of_files_offers_the_data_set(tmp_path, suffix, shape, name):
    folder = tmp_path / "set"
    fill(folder / "images", suffix, shape=shape)
    fill(folder / "labels", suffix, shape=shape)
    (folder / "README.md").write_text("about")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "x.dcm").write_text("x")
    with pytest.raises(InputError, match=f"folder of 6 {name} files, without DICOM") as problem:
        read(folder)
    assert "doe" not in str(problem.value)
    call = re.search(r"wb\.datasets\.load\((.*), label_names", str(problem.value)).group(1)
    options = eval(f"dict({call.removeprefix(repr('folder') + ', ')})")
    assert len(wb.datasets.load("folder", **options, label_names=["a", "b", "c"])) == 3
    with pytest.raises(InputError, match=f"images={str(folder / 'images')!r}, labels='the folder of its label maps'"):
        read(folder / "images")


def test_slices_as_pictures_are_told_how_to_stack(tmp_path):
    fill(tmp_path / "slices", ".png", count=12)
    fill(tmp_path / "slices" / ".ipynb_checkpoints", ".png", count=1)
    (tmp_path / "slices" / "notes.txt").write_text("about")
    with pytest.raises(InputError, match="slices of one volume") as problem:
        read(tmp_path / "slices")
    import pathlib

    code = re.search(r"wb\.Volume\((np\.stack.*)\)\.$", str(problem.value)).group(1)
    volume = eval(f"wb.Volume({code})", {"wb": wb, "np": np, "pathlib": pathlib, "affine": np.eye(4)})
    np.testing.assert_array_equal(volume.data[0, 0], np.arange(12))


def test_what_may_be_dicom_is_looked_at(tmp_path):
    fill(tmp_path / "a", ".png")
    (tmp_path / "a" / "IM0001").write_bytes(b"no dicom")
    with pytest.raises(FileError, match="no DICOM image"):
        read(tmp_path / "a")
    (tmp_path / "b").mkdir()
    with pytest.raises(FileError, match="no DICOM image"):
        read(tmp_path / "b")


def test_a_thousand_files_are_enough_to_tell(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.io._folders._MOST_LOOKED_AT", 5)
    fill(tmp_path / "a", ".png", count=9)
    with pytest.raises(InputError, match="at least 5 picture files"):
        read(tmp_path / "a")
