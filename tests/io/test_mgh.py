from __future__ import annotations

import contextlib
import gzip

import nibabel as nib
import numpy as np
import pytest
from nibabel.testing import data_path

from workbench import WorkbenchError
from workbench.errors import FileError
from workbench.io import read
from workbench.testing.files import distinct, drain

pytestmark = pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")


@pytest.mark.parametrize("suffix", ["mgh", "mgz"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 2)])
def test_nibabel_agrees(tmp_path, suffix, dtype, shape, affine):
    data = distinct(shape, dtype)
    if dtype == "float32":
        data[0, 0, 0] = np.nan
    nib.save(nib.MGHImage(data, affine.astype(np.float32)), tmp_path / f"a.{suffix}")
    volume = read(tmp_path / f"a.{suffix}")
    assert not volume.is_loaded
    assert volume.dtype == dtype
    np.testing.assert_array_equal(volume.data, data)
    assert volume.data.dtype.isnative
    np.testing.assert_allclose(volume.affine, nib.load(tmp_path / f"a.{suffix}").affine, atol=1e-5)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-4)
    assert any("2 frames are the channels" in note for note in volume.notes) == (len(shape) == 4)
    if dtype != "float32":
        assert read(tmp_path / f"a.{suffix}", kind="labels").load().kind == "labels"


def test_a_file_of_freesurfer():
    path = f"{data_path}/test.mgz"
    volume, theirs = read(path), nib.load(path)
    np.testing.assert_array_equal(volume.data, np.asarray(theirs.dataobj))
    np.testing.assert_allclose(volume.affine, theirs.affine)


def test_no_place_is_noted(tmp_path):
    nib.save(nib.MGHImage(distinct((3, 4, 5), np.uint8), None), tmp_path / "a.mgh")
    raw = bytearray((tmp_path / "a.mgh").read_bytes())
    assert read(tmp_path / "a.mgh").space == "patient"
    raw[28:30] = b"\0\0"
    (tmp_path / "a.mgh").write_bytes(raw)
    expected = nib.load(tmp_path / "a.mgh").affine
    for flag in (0, -1):  # nibabel knows the first only; the sizes and directions in the header mean nothing, either
        raw[28:34] = flag.to_bytes(2, "big", signed=True) + np.float32(7).tobytes()[::-1]
        (tmp_path / "a.mgh").write_bytes(raw)
        volume = read(tmp_path / "a.mgh")
        assert "where in the body" in volume.notes[0]
        assert volume.space == "pixels"
        np.testing.assert_allclose(volume.affine, expected)


@pytest.mark.parametrize("suffix", ["mgh", "mgz"])
def test_a_file_that_is_cut_is_told_when_opened(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    nib.save(nib.MGHImage(distinct((30, 40, 50), np.int16), np.eye(4)), path)
    whole = path.read_bytes()
    for keep in (100, len(whole) // 2, len(whole) - 90):
        path.write_bytes(whole[:keep])
        with pytest.raises(FileError):
            read(path)


def test_any_tags_may_follow(tmp_path):
    path = tmp_path / "a.mgh"
    data = distinct((3, 4, 5), np.int16)
    nib.save(nib.MGHImage(data, np.eye(4)), path)
    raw = path.read_bytes()
    for end in (b"", bytes(20), bytes(5000)):
        without = raw[: 284 + data.nbytes]
        path.write_bytes(without + end)
        np.testing.assert_array_equal(read(path).data, data)
        (tmp_path / "a.mgz").write_bytes(gzip.compress(without + end))
        np.testing.assert_array_equal(read(tmp_path / "a.mgz").data, data)


def test_mutations_never_escape(tmp_path):
    path = tmp_path / "a.mgh"
    nib.save(nib.MGHImage(distinct((3, 4, 5), np.int16), np.eye(4)), path)
    whole = path.read_bytes()
    generator = np.random.default_rng(5)
    for _ in range(80):
        mutated = bytearray(whole)
        for place in generator.integers(0, 100, 3):
            mutated[place] = generator.integers(0, 256)
        path.write_bytes(mutated)
        with contextlib.suppress(WorkbenchError):
            drain(path)
