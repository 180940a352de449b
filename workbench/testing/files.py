"""What every format does with files, whatever it can hold: damaged ones, unwritable places, wrong options, names.

A file that is cut anywhere, or has any byte changed, gives either a Volume or a WorkbenchError, never another error. An
option that does not exist is an error that names it. Nothing of the path but its suffix is in the repr.
"""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import FileError, InputError, WorkbenchError
from workbench.io import Doubt, GeometryWarning, read, write
from workbench.volume import Volume

SHAPE = (4, 5, 6)


def distinct(shape, dtype) -> np.ndarray:
    """Voxels that all differ, as far as the type has values, in an order that is that of no axis."""
    count = int(np.prod(shape))
    values = np.random.default_rng(7).permutation(count)
    if np.dtype(dtype).kind == "b":
        return (values % 3 == 0).reshape(shape)
    return (values % 251).astype(dtype).reshape(shape)


def drain(path: Path, **options) -> Volume:
    """Read everything; notes about geometry are not the matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeometryWarning)
        return read(path, **options).load()


class FileContract:
    """A part of `FormatContract`, which sets `suffixes`."""

    #: Endings of its files; each is written and read.
    suffixes: tuple[str, ...]
    #: Of the volume that is written.
    shape: tuple[int, ...] = SHAPE

    def volume(self, dtype="int16", affine=None, **meaning) -> Volume:
        return Volume(distinct(self.shape, dtype), affine, **meaning)

    def path(self, folder: Path, suffix: str) -> Path:
        return folder / f"volume{suffix}"

    def test_what_is_read_can_be_changed(self, tmp_path):
        path = write(self.volume("uint8"), self.path(tmp_path, self.suffixes[0]))
        volume = read(path)
        volume.data[...] = 3
        assert (volume.data == 3).all()

    def test_repr_hides_the_name(self, tmp_path):
        path = write(self.volume("uint8"), self.path(tmp_path, f"-doe-john{self.suffixes[0]}"))
        assert "doe" not in repr(drain(path))

    def test_empty_file_is_a_file_error(self, tmp_path):
        for suffix in self.suffixes:
            path = tmp_path / f"empty{suffix or '.dcm'}"
            path.write_bytes(b"")
            with pytest.raises(FileError, match="empty"):
                read(path)

    def test_truncation_is_told_when_opened(self, tmp_path):
        for suffix in self.suffixes:
            path = self.path(tmp_path, suffix)
            for part in self.parts(write(self.volume("uint8"), path)):
                whole, expected = part.read_bytes(), read(path).data
                for keep in (1, len(whole) // 3, len(whole) // 2):
                    part.write_bytes(whole[:keep])
                    with pytest.raises(FileError):
                        read(path)
                part.write_bytes(whole[:-9])
                try:
                    found = read(path)
                except FileError:
                    part.write_bytes(whole)
                    continue
                # what is missing may be an end mark or a checksum alone: the voxels are there, and it is said
                np.testing.assert_array_equal(found.data, expected)
                assert any(isinstance(note, Doubt) for note in found.notes)
                part.write_bytes(whole)

    def parts(self, path: Path) -> list[Path]:
        """The files that one written volume consists of."""
        return [path]

    def test_mutations_never_escape(self, tmp_path):
        generator = np.random.default_rng(5)
        for suffix in self.suffixes:
            path = write(self.volume("uint8"), self.path(tmp_path, suffix))
            for part in self.parts(path)[:2]:
                whole = part.read_bytes()
                for number in range(60):
                    mutated = bytearray(whole)
                    # half of the changes hit the header
                    end = min(len(whole), 400) if number % 2 else len(whole)
                    for place in generator.integers(0, end, 1 + number % 5):
                        mutated[place] = generator.integers(0, 256)
                    if number % 7 == 0:
                        mutated = mutated[: generator.integers(0, len(whole))]
                    part.write_bytes(mutated)
                    # anything but a WorkbenchError fails the test
                    with contextlib.suppress(WorkbenchError):
                        drain(path)
                part.write_bytes(whole)

    def test_unknown_option_is_named(self, tmp_path):
        path = write(self.volume("uint8"), self.path(tmp_path, self.suffixes[0]))
        with pytest.raises(InputError, match="colour"):
            read(path, colour=True)
        with pytest.raises(InputError, match="colour"):
            write(self.volume("uint8"), self.path(tmp_path, f"-2{self.suffixes[0]}"), colour=True)

    def test_unwritable_place_is_a_file_error(self, tmp_path):
        for suffix in self.suffixes:
            with pytest.raises(FileError, match="does not exist"):
                write(self.volume("uint8"), tmp_path / "nowhere" / f"volume{suffix}")
        assert not list(tmp_path.iterdir())
