from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest

from workbench import Volume, WorkbenchError, read, write
from workbench.errors import FileError, InputError
from workbench.io import Format, formats, levels, register
from workbench.io._registry import FORMATS


def test_the_names_of_the_formats():
    assert [known.name for known in formats()] == [
        "nifti", "dicom", "metaimage", "nrrd", "picture", "tiff", "numpy", "analyze", "mgh", "minc", "slide",
    ]  # fmt: skip


def test_missing_path(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        read(tmp_path / "nothing.nii")
    assert issubclass(FileError, OSError)
    assert issubclass(FileError, WorkbenchError)


def test_unknown_content_lists_the_formats(tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"something else entirely" * 100)
    with pytest.raises(FileError, match=r"no known format.*nifti \(.nii, .nii.gz\).*dicom.*nrrd"):
        read(tmp_path / "a.xyz")


def test_unknown_suffix_is_known_by_its_content(tmp_path, affine):
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)
    for suffix in (".nii", ".nii.gz", ".nrrd", ".mha", ".npz", ".tif"):
        path = write(volume, tmp_path / f"a{suffix}")
        path = path.rename(tmp_path / f"renamed{suffix.replace('.', '')}")
        np.testing.assert_array_equal(read(path).data, volume.data)


@pytest.mark.parametrize("module", [gzip, bz2])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".npy", ".png", ".tif"])
def test_what_was_compressed_as_a_whole_is_not_called_damaged(tmp_path, suffix, module):
    shape = (4, 5) if suffix == ".png" else (2, 3, 4)
    path = write(Volume(np.zeros(shape, np.uint8)), tmp_path / f"a{suffix}")
    (tmp_path / f"b{suffix}.gz").write_bytes(module.compress(path.read_bytes()))
    with pytest.raises(FileError, match=r"compressed as a whole \((gzip|bzip2)\)\. Unpack it first"):
        read(tmp_path / f"b{suffix}.gz")


def test_unknown_suffix_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="suffix"):
        write(Volume(np.zeros((2, 2))), tmp_path / "a.xyz")
    with pytest.raises(InputError, match="Volume"):
        write(np.zeros((2, 2)), tmp_path / "a.nii")


def test_format_by_name(tmp_path):
    path = write(Volume(np.zeros((2, 3, 4))), tmp_path / "a.dat", format="nrrd")
    assert read(path, format="nrrd").shape == (2, 3, 4)
    with pytest.raises(InputError, match="nifti"):
        read(path, format="nifty")
    with pytest.raises(FileError):
        read(path, format="nifti")


def test_given_meaning(tmp_path):
    path = write(Volume(np.zeros((2, 3, 4), np.int16)), tmp_path / "a.nii")
    volume = read(path, kind="labels", labels={1: "liver"}, unit="a.u.")
    assert (volume.kind, volume.labels, volume.unit, volume.is_loaded) == ("labels", {1: "liver"}, "a.u.", False)
    with pytest.raises(InputError, match="labels"):
        read(path, kind="label")


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd", ".npz", ".png", ".tif"])
def test_label_values_are_replaced(tmp_path, suffix, affine):
    stored = np.array([[0, 255, 128], [255, 0, 0]], np.uint8)
    path = write(Volume(stored, affine), tmp_path / f"a{suffix}")
    volume = read(path, kind="labels", label_values={0: 0, 128: 2, 255: 1}, labels={1: "lesion"})
    np.testing.assert_array_equal(volume.data, [[0, 1, 2], [1, 0, 0]])
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
    assert (volume.kind, volume.dtype, volume.labels) == ("labels", np.uint8, {1: "lesion"})
    assert not any("label_values" in note for note in volume.notes)
    assert any("label_values={0: 0, 128: 1, 255: 2}" in note for note in read(path, kind="labels").load().notes)
    with pytest.raises(InputError, match="does not name: 128"):
        read(path, kind="labels", label_values={0: 0, 255: 1}).load()
    with pytest.raises(InputError, match='goes with kind="labels"'):
        read(path, label_values={0: 0, 255: 1})


class Told(Format):
    """A format that stores labels otherwise and asks what it is to read."""

    name = "told"
    suffixes = (".told",)
    read_options = ("kind",)

    def sniff(self, head):
        return head.startswith(b"TOLD")

    def read(self, path, **options):
        value = 1 if options.get("kind") == "labels" else 255
        return self.lazy(path, lambda: np.full((2, 2), value, np.uint8), None, shape=(2, 2), dtype=np.uint8)


def test_a_format_that_lists_kind_is_told(tmp_path, plug_ins):
    plug_ins(FORMATS, told=Told)
    (tmp_path / "a.told").write_bytes(b"TOLD")
    assert read(tmp_path / "a.told").data.max() == 255
    labels = read(tmp_path / "a.told", kind="labels")
    assert (labels.kind, labels.data.max()) == ("labels", 1)
    with pytest.raises(InputError, match="kind of volume 'label'"):
        read(tmp_path / "a.told", kind="label")
    with pytest.raises(InputError, match="'told' hold one size"):
        levels(tmp_path / "a.told")


def test_writing_over_a_file_is_all_or_nothing(tmp_path, monkeypatch):
    path = write(Volume(np.ones((2, 3, 4), np.int16)), tmp_path / "a.nii")
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.io._files.write_array", fail)
    with pytest.raises(FileError, match="No space left"):
        write(Volume(np.zeros((2, 3, 4), np.int16)), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.nii"]


@pytest.mark.parametrize("path", [None, 3, ""])
def test_what_is_no_path_is_named(path):
    with pytest.raises(InputError, match=f"got {path!r}"):
        read(path)
    with pytest.raises(InputError, match=f"got {path!r}"):
        write(Volume(np.zeros((2, 3, 4))), path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mhd", ".nhdr", ".npz", ".dcm", ""])
def test_a_name_too_long_for_the_file_system_is_a_file_error(tmp_path, suffix):
    with pytest.raises(FileError, match="cannot be written"):
        write(Volume(np.zeros((2, 3), np.uint8)), tmp_path / ("x" * 300 + suffix))
    assert not list(tmp_path.iterdir())


def test_more_than_the_free_memory_is_refused(tmp_path, monkeypatch):
    path = write(Volume(np.zeros((512, 512, 200), np.int16)), tmp_path / "a.nii.gz")
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 1e6}))
    with pytest.raises(FileError, match="memory"):
        read(path)


class Ours(Format):
    name = "ours"
    suffixes = (".ours",)
    can_write = False

    def sniff(self, head):
        return head.startswith(b"OURS")

    def read(self, path, **options):
        return self.lazy(path, lambda: np.ones((2, 2)) * int(path.read_bytes()[4:]), None, shape=(2, 2), dtype=float)


def test_a_package_can_add_a_format(tmp_path, plug_ins):
    plug_ins(FORMATS, ours=Ours)
    (tmp_path / "a.ours").write_bytes(b"OURS7")
    assert (read(tmp_path / "a.ours").data == 7).all()
    # what a loader raises on damaged bytes comes out in our words
    (tmp_path / "b.ours").write_bytes(b"OURSx")
    with pytest.raises(FileError, match="ours"):
        read(tmp_path / "b.ours").load()
    with pytest.raises(InputError, match="suffix"):
        write(Volume(np.zeros((2, 2))), tmp_path / "c.ours")


def test_a_broken_format_is_told_and_the_others_read_on(tmp_path, plug_ins):
    plug_ins(FORMATS, ours=Ours, odd=dict)
    (tmp_path / "a.ours").write_bytes(b"OURS7")
    with pytest.warns(UserWarning, match=r"format plug-in 'odd'.*subclass of"):
        assert (read(tmp_path / "a.ours").data == 7).all()


def test_a_format_can_be_declared_in_a_cell(tmp_path, plug_ins):
    plug_ins(FORMATS)
    register(Ours)
    (tmp_path / "a.ours").write_bytes(b"OURS7")
    assert (read(tmp_path / "a.ours").data == 7).all()


def test_a_name_that_does_not_fit_says_whether_it_was_unpacked(tmp_path):
    packed = gzip.compress(bytes(400))
    (tmp_path / "a.nii.gz").write_bytes(packed[:8] + b"\xff" + packed[9:])
    with pytest.raises(FileError, match=r"named like nifti but does not begin like it, once its gzip data.*fresh copy"):
        read(tmp_path / "a.nii.gz")
    (tmp_path / "a.nii").write_bytes(b"hello" * 100)
    with pytest.raises(FileError, match=r"does not begin like it\. It is damaged or misnamed"):
        read(tmp_path / "a.nii")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mha", ".nrrd", ".npz", ".tif", ".ome.tif"])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_name_may_be_as_long_as_the_system_lets_it(tmp_path, suffix, letter):
    room = 255 - len(suffix)
    path = tmp_path / (letter * (room // len(letter.encode())) + suffix)
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    np.testing.assert_array_equal(read(write(volume, path)).data, volume.data)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
