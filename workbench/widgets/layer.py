"""A layer: a Volume and how it is to be shown. Every viewer backend draws the same layers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from workbench.errors import InputError, check_keywords
from workbench.volume import Volume
from workbench.widgets._stated import refused_in_words
from workbench.widgets.colors import check_colormap, default_colormap

_numbers = itertools.count(1)
#: Of outlines of shapes, which are thin and hide little.
OUTLINE_OPACITY = 0.9
_OPACITIES = {"image": 1.0, "labels": 0.5, "scores": 0.6}


class Style(TypedDict):
    """How a layer is shown; each is a trait of `Layer` that may be set at any time."""

    name: str
    colormap: str
    opacity: float
    window: tuple[float, float] | None
    visible: bool
    channel: int
    outline: Annotated[bool, "Whether labels are drawn as outlines."]


#: What can be said about how a layer is shown.
STYLE = tuple(Style.__annotations__)


class Layer(t.HasTraits):
    """A volume with a colour map, an opacity and a window.

    Parameters
    ----------
    volume : Volume, Explanation, array or path
        What to show. Anything that has a ``.volume`` is shown by that volume.
    name : str, optional
        Name in the layer list; by default what the volume is ("image", "labels", "scores"), and of an explanation its
        title ("Grad-CAM: liver"). A viewer numbers those that it has already.
    colormap : str, optional
        One of `workbench.widgets.colors.colormaps()`; labels have colours of their own. By default grey, for images
        whose high values are meant to look dark (MONOCHROME1) the reverse.
    opacity : float, optional
        0 (unseen) to 1 (covers what is below).
    window : (float, float), optional
        Values, in the unit of the volume, shown by the two ends of the colour map. By default found from the voxels.
    visible : bool, optional
        Whether it is drawn.
    channel : int, optional
        Which channel of a volume with channels is shown (RGB pictures are shown in colour).
    outline : bool, optional
        Whether labels are drawn as outlines, which leave what is inside to be seen.
    colors : mapping of int to str, optional
        Colours of labels by their value, as ``"#rrggbb"``; the others have those of the palette.

    Raises
    ------
    InputError
        If a value is out of its range or an option is unknown.
    """

    _volume: Volume
    name = t.Unicode()
    colormap = t.Unicode()
    opacity = t.Float()
    window: Any = t.Tuple(t.Float(), t.Float(), allow_none=True, default_value=None)
    visible = t.Bool(True)
    channel = t.Int(0)
    outline = t.Bool(False)
    #: Counts the replacements of the volume or channel, so that a viewer knows when what it holds is stale.
    version = t.Int(0)

    def __init__(self, volume: Any, *, colors: Mapping[int, str] | None = None, **style: Any) -> None:
        check_keywords(style, (*STYLE, "colors"), "A layer")
        title, volume = getattr(volume, "title", ""), as_volume(volume)
        self.colors = {int(value): _check_color(color) for value, color in (colors or {}).items()}
        defaults = {
            "name": title if isinstance(title, str) and title else volume.kind,
            "colormap": default_colormap(volume),
            "opacity": _OPACITIES[volume.kind],
        }
        self.id = f"layer-{next(_numbers)}"
        #: Whether somebody chose the name; a viewer leaves such names alone.
        self.is_named = style.get("name") is not None
        self._volume = volume
        shown = {**defaults, **{key: value for key, value in style.items() if value is not None}}
        with refused_in_words(self, shown, "A layer"):
            super().__init__(**shown)

    @property
    def volume(self) -> Volume:
        """The volume shown; set it to show another in the same style."""
        return self._volume

    @volume.setter
    def volume(self, volume: Any) -> None:
        plain = default_colormap(self._volume)
        self._volume = as_volume(volume)
        if self.colormap == plain and self._volume.kind == "image":
            self.colormap = default_colormap(self._volume)
        self.version += 1

    @property
    def kind(self) -> str:
        """What the voxels mean: ``"image"``, ``"labels"`` or ``"scores"``."""
        return self._volume.kind

    @property
    def is_rgb(self) -> bool:
        """Whether the voxels are colours (uint8 with 3 or 4 channels)."""
        return self.kind == "image" and self._volume.num_channels in (3, 4) and self._volume.dtype == np.uint8

    def style(self) -> Style:
        """Return how the layer is shown, as plain data."""
        shown: Any = {key: getattr(self, key) for key in STYLE}
        style: Style = shown
        return style

    def like(self, volume: Any = None, **style: Any) -> Layer:
        """Return another layer that is shown in the same way, but for what `style` says."""
        shown = self._volume if volume is None else volume
        return Layer(shown, **{"colors": self.colors, **self.style(), **style})

    def grid(self) -> NDArray[Any]:
        """Return the voxels that are shown, [i, j, k] (or [i, j, k, 3] for colours); a picture has one k."""
        data = self._volume.data
        if self._volume.spatial_ndim == 2:
            data = np.expand_dims(data, 2)
        if self.is_rgb:
            return np.asarray(data[..., :3])
        return np.asarray(data[..., self.channel] if data.ndim == 4 else data)

    def __repr__(self) -> str:
        return f"Layer({self.name!r}, {self.kind}, opacity {self.opacity:g}, {self.volume!r})"

    @t.validate("opacity")
    def _check_opacity(self, proposal: Any) -> float:
        value = float(proposal["value"])
        if not 0 <= value <= 1:
            raise InputError(f"An opacity lies between 0 (unseen) and 1, got {value:g}. Give such a number.")
        return value

    @t.validate("colormap")
    def _check_colormap(self, proposal: Any) -> str:
        name = str(proposal["value"])
        return name if name == "labels" and self.kind == "labels" else check_colormap(name)

    @t.validate("window")
    def _check_window(self, proposal: Any) -> tuple[float, float] | None:
        window = proposal["value"]
        if window is None:
            return None
        low, high = float(window[0]), float(window[1])
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(f"A window is (low, high) with low < high, got ({low:g}, {high:g}). Leave it out.")
        return low, high

    @t.validate("channel")
    def _check_channel(self, proposal: Any) -> int:
        channel, count = int(proposal["value"]), self._volume.num_channels
        if not 0 <= channel < count:
            raise InputError(f"The channel must be 0 to {count - 1} (the volume has {count}), got {channel}.")
        return channel

    @t.observe("channel")
    def _channel_changed(self, _change: Any) -> None:
        self.version += 1


def _check_color(color: str) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", str(color)):
        raise InputError(f"The colour of a label is '#rrggbb', such as '#d55e00', got {color!r}.")
    return str(color)


def as_volume(thing: Any) -> Volume:
    """Return the Volume that `thing` is, has (``.volume``), holds (an array) or names (a path)."""
    if isinstance(thing, Volume):
        return thing
    inner = getattr(thing, "volume", None)
    if isinstance(inner, Volume):
        return inner
    if isinstance(thing, np.ndarray):
        return Volume(thing)
    if isinstance(thing, (str, Path)):
        from workbench.io import read

        volume: Volume = read(thing)
        return volume
    raise InputError(
        f"A viewer shows volumes, explanations, arrays and paths of image files, got {type(thing).__name__}. Give "
        "one of them."
    )
