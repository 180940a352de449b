"""Files in and out: one module per format, and the two words that most people need.

>>> from workbench.io import read, write
>>> volume = read("ct.nii.gz")
>>> path = write(volume.reorient("RAS"), "ct.nrrd")
>>> read(path).orientation
'RAS'
"""

from __future__ import annotations

from workbench.io._doubt import Doubt
from workbench.io._format import Format, GeometryWarning
from workbench.io._pyramid import Level, Levels
from workbench.io._registry import formats, levels, read, register, write
from workbench.io.dicom import SeriesInfo, list_series

__all__ = [
    "Doubt",
    "Format",
    "GeometryWarning",
    "Level",
    "Levels",
    "SeriesInfo",
    "formats",
    "levels",
    "list_series",
    "read",
    "register",
    "write",
]
