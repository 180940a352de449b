"""Arrays that are worked on a part at a time: in memory where little is needed, in a temporary file otherwise."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench._arrays import Array

#: Largest temporary file, in bytes; and the share of the free disk that it may take.
_LARGEST, _SHARE = 1 << 34, 0.5
_ZEROS = 1 << 24  # bytes of zeros that are written at once


class Scratch:
    """An array of float32 zeros, of which no more need lie in memory than what is being worked on.

    Parameters
    ----------
    shape : sequence of int
    memory : int
        Bytes that it may take in memory; a larger one lies in a file that nobody else can open, and that is gone with
        the array or with the process. The disk for it is taken at once, so that it cannot be full later on.

    Attributes
    ----------
    array : array
    spilled : bool
        Whether it is in a file; it is in memory after all if there is no disk for it.
    """

    def __init__(self, shape: Sequence[int], memory: int) -> None:
        size = 4 * math.prod(shape)
        file = _file(size) if size > memory else None
        self.spilled = file is not None
        if file is None:
            self.array: Array = np.zeros(tuple(shape), np.float32)
        else:
            with file:  # the mapping has the file open on its own account
                self.array = np.memmap(file, np.float32, "r+", shape=tuple(shape))

    def release(self) -> None:
        """Let go of what is in memory of a file; its content stays. A no-op where the system has no word for it."""
        mapping: Any = getattr(self.array, "_mmap", None)
        if mapping is not None and hasattr(mapping, "madvise"):
            mapping.madvise(mmap.MADV_DONTNEED)


def room() -> int:
    """Return how many bytes a temporary file may have."""
    return int(min(_LARGEST, _SHARE * shutil.disk_usage(tempfile.gettempdir()).free))


def _file(size: int) -> Any:
    """Return an open temporary file of `size` zeros; None if the disk has no room for it."""
    try:
        file = tempfile.TemporaryFile(prefix="workbench-")  # noqa: SIM115 - the caller has it open for longer
    except OSError:  # no folder for such files
        return None
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for first in range(0, size, _ZEROS):
                file.write(bytes(min(_ZEROS, size - first)))
            file.flush()
    except OSError:  # a disk that is full, or a file system without room
        file.close()
        return None
    return file
