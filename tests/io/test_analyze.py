from __future__ import annotations

import contextlib

import nibabel as nib
import numpy as np
import pytest

from workbench import Volume, WorkbenchError
from workbench.errors import FileError, InputError
from workbench.io import read, write
from workbench.testing.files import distinct, drain

pytestmark = pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")

KINDS = [nib.AnalyzeImage, nib.Spm99AnalyzeImage, nib.Spm2AnalyzeImage]


def save(kind, data, folder, affine=None, big=False, name="a"):
    header = kind.header_class(endianness=">" if big else "<")
    header.set_data_dtype(data.dtype)
    nib.save(kind(data, affine, header), folder / f"{name}.img")
    return folder / f"{name}.hdr"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 2), (3, 4, 5, 1), (3, 4)])
def test_nibabel_agrees(tmp_path, kind, big, dtype, shape):
    path = save(kind, distinct(shape, dtype), tmp_path, np.diag([-2.0, 3, 4, 1]), big)
    theirs = nib.load(path)
    for name in (path, path.with_suffix(".img")):
        volume = read(name)
        assert not volume.is_loaded
        np.testing.assert_allclose(volume.affine, theirs.affine, atol=1e-5)
        data = np.asarray(theirs.dataobj)
        np.testing.assert_array_equal(volume.data, data.reshape(volume.shape))
        assert volume.data.dtype.isnative
        # SPM's have a .mat file beside them, which says it
        told = kind is not nib.AnalyzeImage
        assert told != ("x was taken to run to the left" in volume.notes[0])
        assert volume.space == ("patient" if told else "object")
        assert volume.source == path


def test_the_mat_file_of_spm_is_obeyed(tmp_path, affine):
    path = save(nib.Spm99AnalyzeImage, distinct((3, 4, 5), np.int16), tmp_path, affine)
    assert path.with_suffix(".mat").exists()
    volume = read(path)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
    assert volume.notes == ("its place comes from the .mat file beside it",)
    assert volume.space == "patient"


def test_labels_with_the_scale_of_spm(tmp_path):
    data = np.resize([0.0, 1, 2, 117], (4, 4, 4))
    header = nib.Spm2AnalyzeImage.header_class()
    header.set_data_dtype(np.uint8)
    nib.save(nib.Spm2AnalyzeImage(data, np.eye(4), header), tmp_path / "a.img")
    assert np.abs(read(tmp_path / "a.hdr").data - data).max() > 0.1
    np.testing.assert_array_equal(read(tmp_path / "a.hdr", kind="labels").data, data)


def test_sizes_that_are_none_are_1_mm(tmp_path):
    path = save(nib.AnalyzeImage, distinct((3, 4, 5), np.int16), tmp_path)
    raw = bytearray(path.read_bytes())
    raw[80:92] = np.float32([np.nan, 0, np.nan]).tobytes()
    assert read(path).space == "object"
    path.write_bytes(raw)
    volume = read(path)
    assert volume.space == "pixels"
    assert volume.spacing == (1, 1, 1)
    assert "what is no size" in volume.notes[-1]


def test_what_is_missing_or_cut_is_said(tmp_path):
    path = save(nib.AnalyzeImage, distinct((3, 4, 5), np.int16), tmp_path)
    image = path.with_suffix(".img")
    image.write_bytes(image.read_bytes()[:-1])
    with pytest.raises(FileError, match=r"a\.img is cut short"):
        read(path)
    image.unlink()
    with pytest.raises(FileError, match=r"a\.hdr needs a\.img beside it"):
        read(path)
    image.write_bytes(bytes(200))
    path.write_text("ENVI\nsamples = 3\n" * 40)
    with pytest.raises(FileError, match="named like analyze but does not begin like it"):
        read(image)
    with pytest.raises(InputError, match="suffix"):
        write(Volume(np.zeros((2, 2, 2))), tmp_path / "b.img")


def test_mutations_never_escape(tmp_path):
    path = save(nib.AnalyzeImage, distinct((3, 4, 5), np.int16), tmp_path)
    whole = path.read_bytes()
    generator = np.random.default_rng(5)
    for _ in range(80):
        mutated = bytearray(whole)
        for place in generator.integers(0, 260, 3):
            mutated[place] = generator.integers(0, 256)
        path.write_bytes(mutated)
        with contextlib.suppress(WorkbenchError):
            drain(path)
