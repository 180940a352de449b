"""What a file format is: a name, its suffixes, how to know it by its first bytes, how to read and write it."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from workbench._arrays import Array
from workbench.errors import InputError, check_keywords
from workbench.io._files import guarded
from workbench.io._pyramid import Levels
from workbench.volume import Volume

#: How much of a file (decompressed, if it is gzip) `sniff` gets to see.
HEAD_BYTES = 1024


class GeometryWarning(UserWarning):
    """Something is doubtful about what was read, and somebody has to act on it.

    `read` gives one for each :class:`Doubt` in ``volume.notes``. What shows only when voxels are loaded (values of more
    bits than the header of a DICOM file states), or when a folder is listed, is in no notes.
    """


class Format(ABC):
    """Base of all formats; a package adds one through the entry point group ``workbench.formats``.

    Reading parses the header only. The voxels are read when they are asked for, by the loader given to :meth:`lazy`.
    Whatever a damaged file makes a decoder raise comes out as :class:`~workbench.errors.FileError`.
    """

    #: What ``read(path, format=...)`` calls it.
    name: ClassVar[str]
    #: Endings of its files, in lower case.
    suffixes: ClassVar[tuple[str, ...]]
    #: Whether `write` is there; a format that is read only says False.
    can_write: ClassVar[bool] = True
    #: What `read` undoes around a whole file, as `sniff` has it undone.
    reads_packed: ClassVar[tuple[str, ...]] = ("gzip", "bzip2")
    #: Keywords that `read` takes; others are refused before it is called.
    read_options: ClassVar[tuple[str, ...]] = ()
    #: Keywords that `write` takes.
    write_options: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def sniff(self, head: bytes) -> bool:
        """Tell from the first bytes whether a file is of this format (gzip is already undone)."""

    @abstractmethod
    def read(self, path: Path, **options: Any) -> Volume:
        """Read the header; `options` are among `read_options`.

        A format that stores values in a way that depends on what they are (a palette, say) lists ``"kind"`` there; it
        is then given what the caller said, and need not set the Volume's kind by it.
        """

    def levels(self, path: Path, **options: Any) -> Levels:  # noqa: ARG002
        """Return the sizes of a picture that a file holds, for formats that have several."""
        raise InputError(f"Files of format {self.name!r} hold one size; read {path.name} as it is.")

    def write(self, volume: Volume, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write `volume` whole or not at all (see ``_files.writing``); `options` are among `write_options`."""
        raise InputError(f"Files of format {self.name!r} are read only. Write {path.name} in another format.")

    def matches(self, path: Path) -> bool:
        """Tell whether the name of `path` ends in one of the suffixes."""
        return path.name.lower().endswith(self.suffixes)

    def check_options(self, options: dict[str, Any], action: str) -> None:
        """Raise an error that names the first option that this format does not take."""
        valid = self.read_options if action == "read" else self.write_options
        check_keywords(options, valid, f"{action} of format {self.name!r}")

    def lazy(self, path: Path, loader: Callable[[], Array], affine: Any, **meaning: Any) -> Volume:
        """Make the Volume of a file whose voxels `loader` will read; `meaning` must hold `shape` and `dtype`.

        What `loader` adds to the list `notes` comes too late for a note of the Volume, and is a GeometryWarning.
        """
        notes = meaning.get("notes", ())
        known = len(notes)

        def load() -> Array:
            data = loader()
            for note in notes[known:]:
                warnings.warn(f"{path.name}: {note}", GeometryWarning, stacklevel=2)
            return data

        return Volume(guarded(path, self.name, load), affine, source=path, **meaning)
