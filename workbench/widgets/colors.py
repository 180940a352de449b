"""Colours that the browser and Python share: colour maps that colour-blind people can read, and label colours.

The numbers live in ``colors.json``, which the browser half bundles as it is, so that a picture made by matplotlib and
the live viewer agree.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.volume import Volume

_DEFAULTS = {"image": "gray", "labels": "labels", "scores": "inferno"}


@cache
def _table() -> dict[str, Any]:
    text = files("workbench.widgets").joinpath("colors.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def colormaps() -> list[str]:
    """Return the names of the colour maps for images and scores."""
    return list(_table()["maps"])


def default_colormap(volume: Volume) -> str:
    """Return the colour map of a layer that asks for none; high values look dark where they are meant to."""
    return "gray_r" if volume.kind == "image" and volume.inverted else _DEFAULTS[volume.kind]


def check_colormap(name: str) -> str:
    """Return `name` if there is such a colour map, else raise an `InputError` that names the nearest."""
    return choose(name, colormaps(), "colour map")


def lookup_table(name: str, size: int = 256) -> NDArray[np.uint8]:
    """Return colour map `name` as uint8 RGB [size, 3], interpolated between its stops."""
    stops = np.asarray(_table()["maps"][check_colormap(name)], dtype=float)
    at = np.linspace(0, len(stops) - 1, size)
    columns = [np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    colours: NDArray[np.uint8] = np.rint(np.stack(columns, axis=1)).astype(np.uint8)
    return colours


def label_color(index: int) -> str:
    """Return the colour (``"#rrggbb"``) of the `index`-th foreground label, counted from 0; they repeat after 16."""
    palette: list[str] = _table()["labels"]
    return palette[index % len(palette)]


def rgb(color: str) -> tuple[int, int, int]:
    """Return ``"#rrggbb"`` as three numbers 0..255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
