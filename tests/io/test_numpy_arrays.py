from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.io import read, write
from workbench.testing.files import distinct
from workbench.testing.formats import FormatContract


class TestNpz(FormatContract):
    suffixes = (".npz",)
    dtypes = (*FormatContract.dtypes, "bool", "int8", "uint32", "int64", "uint64", "float16")

    def test_nothing_is_left_when_writing_fails(self, tmp_path):
        with pytest.raises(InputError, match="suffix"):
            write(self.volume(), tmp_path / "a.unknown")
        assert not list(tmp_path.iterdir())

    def unplaced(self, folder, sized):
        if sized:
            return None
        path = folder / f"unplaced{self.suffixes[0]}"
        with path.open("wb") as file:
            (np.savez if path.suffix == ".npz" else np.save)(file, np.zeros(self.shape))
        return path


class TestNpy(TestNpz):
    suffixes = (".npy",)
    keeps_affine = False
    keeps_meaning = False

    def test_channels_round_trip(self, tmp_path):
        data = distinct((4, 5, 6, 3), np.float32)
        path = write(Volume(data, axes=("i", "j", "k", "c"), channels=("a", "b", "c")), tmp_path / "a.npy")
        result = read(path)
        assert (result.axes, result.channels) == (("i", "j", "k", "c"), ())
        np.testing.assert_array_equal(result.data, data)


def test_npy_needs_the_name_of_a_channel_axis(tmp_path):
    data = distinct((4, 5, 3), np.uint8)
    np.save(tmp_path / "a.npy", data)
    assert read(tmp_path / "a.npy").axes == ("i", "j", "k")
    assert read(tmp_path / "a.npy", axes=("i", "j", "c")).num_channels == 3
    with pytest.raises(InputError, match="axes"):
        read(tmp_path / "a.npy", axes=("i", "j"))


@pytest.mark.parametrize("shape", [(), (5,), (2, 2, 2, 2, 2), (0, 3)])
def test_shapes_that_are_no_volume(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(InputError):
        read(tmp_path / "a.npy")


def test_order_of_memory_does_not_matter(tmp_path):
    data = distinct((4, 5, 6), np.int16)
    np.save(tmp_path / "a.npy", np.asfortranarray(data).astype(">i2"))
    np.testing.assert_array_equal(read(tmp_path / "a.npy").data, data)


def test_pickled_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}, []]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", x=np.array([[{}, []]], dtype=object))
    for suffix in ("npy", "npz"):
        with pytest.raises(FileError, match="pickled"):
            read(tmp_path / f"a.{suffix}")


def test_one_of_several_arrays_must_be_chosen(tmp_path):
    image, label = distinct((3, 4), np.int16), distinct((3, 4), np.uint8)
    np.savez_compressed(tmp_path / "a.npz", image=image, label=label, names=np.array(["x"]))
    with pytest.raises(InputError, match=r"key=.*image \(3, 4\) int16"):
        read(tmp_path / "a.npz")
    np.testing.assert_array_equal(read(tmp_path / "a.npz", key="label").data, label)
    with pytest.raises(InputError, match="label"):
        read(tmp_path / "a.npz", key="lable")


def test_compressed_npz_reads_back(tmp_path, affine):
    volume = Volume(np.zeros((20, 20, 20), np.int16), affine)
    plain, packed = write(volume, tmp_path / "a.npz"), write(volume, tmp_path / "b.npz", compress=True)
    assert packed.stat().st_size < plain.stat().st_size / 5
    np.testing.assert_array_equal(read(packed).data, volume.data)


def test_archive_that_lies_about_its_size(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (30000, 30000, 30000)}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", header.getvalue() + bytes(1000))
    with pytest.raises(FileError, match="not there"):
        read(tmp_path / "a.npz")
    (tmp_path / "a.npy").write_bytes(header.getvalue() + bytes(1000))
    with pytest.raises(FileError, match="cut short"):
        read(tmp_path / "a.npy")


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("../../evil.txt", "hello")
    with pytest.raises(FileError):
        read(tmp_path / "a.npz")


def test_arrays_that_are_not_read_are_noted(tmp_path, affine):
    np.savez(tmp_path / "a.npz", distinct((3, 4, 5), np.int16), spacing=[1.0, 2.0, 3.0])
    assert read(tmp_path / "a.npz").notes == ("other arrays of the file (1) were not read; key= takes them",)
    write(Volume(distinct((3, 4, 5), np.int16), affine), tmp_path / "b.npz")
    assert read(tmp_path / "b.npz").notes == ()


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ([("x", "f4"), ("y", "i2")], r"records with the fields x, y.*array\['x'\]"),
        ("c8", "complex64.*Save the magnitude"),
        ("M8[s]", r"datetime64\[s\].*Save them as numbers"),
        ("U3", "<U3.*Save them as numbers"),
    ],
)
def test_what_is_no_number_is_refused_with_what_to_do(tmp_path, dtype, words):
    np.save(tmp_path / "a.npy", np.zeros((3, 4), dtype))
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 4), dtype))
    for name, options in (("a.npy", {}), ("a.npz", {"key": "x"})):
        with pytest.raises(FileError, match=f"{name} holds .*{words}"):
            read(tmp_path / name, **options)
    # an array that is given has the same rule
    with pytest.raises(InputError, match=f"The array holds .*{words.replace('Save', 'Take')}"):
        Volume(np.zeros((3, 4), dtype))
