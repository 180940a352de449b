"""The few volumes that the server holds ready, so that a file is read once and not once for each brick."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from workbench._lru import LRU
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.widgets.layer import Layer
    from workbench.widgets.transfer import Described, Header, LayerInfo, Parcel

#: Two files side by side are compared; more held ready would cost memory that kernels need.
PLACES = 2


class Shelf:
    """Layers and their parcels by file, of those used last."""

    def __init__(self) -> None:
        self._held: LRU[tuple[str, str], tuple[Layer, Parcel]] = LRU(PLACES)
        self._lock = threading.Lock()

    def describe(self, path: Path) -> Described:
        """Read the header of `path` and return what the viewer must know, with a version to ask bricks by."""
        with self._lock:
            version, layer, parcel = self._take(path)
            description: LayerInfo = {**parcel.describe(), "version": version}
            return {"description": description, "style": {**layer.style(), "name": path.name}}

    def brick(self, path: Path, version: str, level: str, index: str) -> tuple[Header, bytes]:
        """Return one brick of `path` and the header that goes with it.

        Raises
        ------
        InputError
            If the file has changed since it was described, or there is no such brick.
        """
        # one thread at a time: a parcel reads its voxels at the first brick
        with self._lock:
            parcel = self._current(path, version)
            known = _number(level, len(parcel.levels), "level")
            place = _number(index, len(parcel.levels[known].bricks), "brick")
            return parcel.header(), parcel.brick(known, place)

    def section(self, path: Path, version: str, axis: str, index: str) -> tuple[Header, bytes]:
        """Return one plane of `path` at full resolution and the header that goes with it.

        Raises
        ------
        InputError
            If the file has changed since it was described, or there is no such plane.
        """
        from workbench.widgets.sections import section

        with self._lock:
            parcel = self._current(path, version)
            along = _number(axis, 3, "axis")
            return section(parcel, parcel, along, _number(index, parcel.shape[along], "index"))

    def _current(self, path: Path, version: str) -> Parcel:
        current, _, parcel = self._take(path)
        if version != current:
            raise InputError(f"{path.name} has changed on the disk since it was opened. Open it again.")
        return parcel

    def _take(self, path: Path) -> tuple[str, Layer, Parcel]:
        from workbench.io import read
        from workbench.widgets.layer import Layer
        from workbench.widgets.transfer import Parcel

        status = path.stat()
        version = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        key = (str(path), version)
        held = self._held.get(key)
        if held is None:
            layer = Layer(read(path))
            held = layer, Parcel(layer)
            self._held.put(key, held)
        return version, *held


def _number(text: str, count: int, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < count):
        raise InputError(f"The {what} must be 0 to {count - 1}, got {text!r}.")
    return int(text)
