from __future__ import annotations

import contextlib
import gzip
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.testing import data_path

from workbench import WorkbenchError
from workbench.errors import FileError, MissingExtraError
from workbench.io import read
from workbench.testing.files import drain

FOLDER = Path(str(data_path))
MINC1 = ["tiny.mnc", "small.mnc", "minc1_1_scale.mnc", "minc1-no-att.mnc", "minc1_4d.mnc"]
MINC2 = ["small.mnc", "minc2_1_scale.mnc", "minc2-no-att.mnc", "minc2_4d.mnc", "minc2-4d-d.mnc"]


@pytest.mark.parametrize("name", sorted({*MINC1, *MINC2}))
def test_nibabel_agrees(name):
    if "2" in name:
        pytest.importorskip("h5py")
    theirs = nib.load(FOLDER / name)
    volume = read(FOLDER / name)
    assert not volume.is_loaded
    data = np.asarray(theirs.dataobj)
    if data.ndim == 4:  # time comes first in these
        data = np.moveaxis(data, 0, -1)
        assert f"the channels are time ({data.shape[-1]})" in volume.notes[0]
    np.testing.assert_allclose(volume.data, data)
    np.testing.assert_allclose(volume.affine, theirs.affine)
    assert volume.dtype == volume.data.dtype


@pytest.mark.parametrize("name", ["a.mnc.gz", "a.mnc"])
def test_gzip_whatever_the_suffix(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress((FOLDER / "tiny.mnc").read_bytes()))
    np.testing.assert_array_equal(read(tmp_path / name).data, read(FOLDER / "tiny.mnc").data)


def test_a_file_that_is_cut_is_told_when_opened(tmp_path):
    whole = (FOLDER / "tiny.mnc").read_bytes()
    for keep in (10, len(whole) // 2, len(whole) - 400):
        (tmp_path / "a.mnc").write_bytes(whole[:keep])
        with pytest.raises(FileError):
            read(tmp_path / "a.mnc")


def test_other_hdf5_is_no_minc(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(FileError, match=r"HDF5 file, but not of MINC\. Export"):
        read(tmp_path / "a.h5")


def test_without_h5py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"medical-workbench\[minc\]"):
        read(FOLDER / "minc2_1_scale.mnc")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # nibabel scales values that a changed header makes overflow
def test_mutations_never_escape(tmp_path):
    whole = (FOLDER / "tiny.mnc").read_bytes()
    shutil.copy(FOLDER / "tiny.mnc", tmp_path / "a.mnc")
    generator = np.random.default_rng(5)
    for _ in range(60):
        mutated = bytearray(whole)
        for place in generator.integers(0, 2000, 3):
            mutated[place] = generator.integers(0, 256)
        (tmp_path / "a.mnc").write_bytes(mutated)
        with contextlib.suppress(WorkbenchError):
            drain(tmp_path / "a.mnc")


def test_whole_numbers_with_a_scale_are_labels(tmp_path):
    """Of `tiny.mnc` the bytes of the scaling are changed, so that 0 to 255 mean 0 to 117."""
    from nibabel.externals.netcdf import netcdf_file

    shutil.copy(FOLDER / "tiny.mnc", tmp_path / "a.mnc")
    with netcdf_file(str(tmp_path / "a.mnc"), "a", mmap=False) as file:
        file.variables["image-min"].data[...] = 0
        file.variables["image-max"].data[...] = 117
        file.variables["image"].data[...] = np.round(np.arange(4000).reshape(10, 20, 20) % 118 / 117 * 255)
    volume = read(tmp_path / "a.mnc", kind="labels")
    np.testing.assert_array_equal(volume.data.ravel(), np.arange(4000) % 118)
