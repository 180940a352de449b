"""The Viewer: linked slices and 3D of any number of layers, drawn in the browser, steered from Python and by hand."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Literal, TypedDict, cast, get_args

import ipywidgets
import numpy as np
import traitlets as t

from workbench import _atomic
from workbench.errors import InputError, StateError, check_keywords, check_suffix, choose
from workbench.widgets._stated import refused_in_words
from workbench.widgets.layer import STYLE, Layer, Style
from workbench.widgets.messages import synced
from workbench.widgets.panel import bundle
from workbench.widgets.planes import Convention, middle
from workbench.widgets.playing import Playing
from workbench.widgets.pointing import CANNOT_READ, TOOLS, Measurement, Pick, Point, Tool, measured, pick, voxel_at
from workbench.widgets.sections import Look, NoSection, Section, section
from workbench.widgets.still import Still
from workbench.widgets.transfer import Header, LayerInfo, Parcel

Panes = Literal["all", "axial", "coronal", "sagittal", "3d"]
OPTIONS = ("panes", "convention", "tool", "crosshair", "height", "empty_text")

_Click = Callable[[Point, tuple[int, int, int]], Any]


class Address(TypedDict):
    """Which voxels: those of a level of a layer, as they are now."""

    layer: str
    version: int | str
    level: int


class Pull(Address):
    """The browser asks for bricks: nothing is lost if it starts late."""

    type: Literal["pull"]
    bricks: list[int]


class Click(TypedDict):
    """A slice was clicked (and not dragged)."""

    type: Literal["click"]
    xyz: Point


class Remove(TypedDict):
    """Somebody takes a layer away."""

    type: Literal["remove"]
    layer: str


class Brick(Address, Header):
    """A brick; its voxels come with it as a buffer."""

    type: Literal["brick"]
    index: int


class Refused(Address):
    """Voxels that cannot be had."""

    type: Literal["refused"]
    cause: str


class OneOf(t.Enum[str]):
    """One of a few words; another one is refused in our words."""

    def validate(self, obj: Any, value: Any) -> Any:  # noqa: ARG002
        """Return the word, or raise an `InputError` that names the nearest."""
        return choose(value, self.values or (), f"value of {self.name!r}")


class Viewer(Playing):
    """Layers over one another, in axial, coronal, sagittal and 3D views linked by a crosshair.

    It works without a front end too: layers, styles and the crosshair are plain Python state, and `png` draws them.

    Parameters
    ----------
    *layers : Layer, Volume, Explanation, array or path
        What to show, from the bottom up.
    panes : {"all", "axial", "coronal", "sagittal", "3d"}
        Which views to show.
    convention : {"radiological", "neurological"}
        Whether the patient's right is on the left of the screen (radiological) or on the right.
    tool : {"navigate", "pick", "window", "measure"}
        What a click or a drag on a slice means: it moves the crosshair; it reports the voxel (see `on_pick`); it
        changes the window of the lowest layer, sideways its width and up and down its level; it draws a line with its
        length.
    crosshair : (float, float, float)
        Where the views cross, in RAS mm; by default the centre of the first layer.
    height : int
        Height of the drawing area in CSS pixels.
    empty_text : str
        What is said in the drawing area while there is no layer.

    Attributes
    ----------
    picked : Pick or None
        The voxel that was picked last.
    measurements : list of dict
        What was measured: ``start`` and ``stop`` (RAS mm), ``length`` and its ``unit`` (``"mm"``, or ``"px"`` where the
        size of a pixel is not known). Set it to draw lines of your own, or to ``[]`` to take them away.
    """

    _esm = bundle("viewer")
    _css = bundle("viewer", "css")

    panes = OneOf(get_args(Panes), "all").tag(sync=True)
    convention = OneOf(get_args(Convention), "radiological").tag(sync=True)
    tool = OneOf(TOOLS, "navigate").tag(sync=True)
    picked: Any = t.Any(None)
    measurements: Any = synced(list[Measurement], t.List())
    crosshair = t.Tuple(t.Float(), t.Float(), t.Float(), default_value=(0.0, 0.0, 0.0)).tag(sync=True)
    height = t.Int(440, min=160).tag(sync=True)
    empty_text = t.Unicode("Nothing to show yet. Add a volume with viewer.add(volume).").tag(sync=True)
    _layers = synced(list[LayerInfo], t.List(t.Dict()))
    _styles = synced(dict[str, Style], t.Dict())
    #: The tools that somebody is there to answer to: a file that is only looked at has nobody to tell of a pick.
    _tools = synced(list[Tool], t.List(t.Unicode(), list(TOOLS)))
    #: What is seen until the voxels are there: a kernel that is busy cannot send them. See `stills`.
    _first = synced(list[Still], t.List(t.Dict()))

    #: Ids of the layers that can be taken away by hand. See `allow_removal`.
    _removable = synced(list[str], t.List(t.Unicode()))

    hears: ClassVar[tuple[type, ...]] = (Pull, Look, Click, Remove)
    says: ClassVar[tuple[type, ...]] = (Brick, Section, NoSection, Refused)

    def __init__(self, *layers: Any, **options: Any) -> None:
        check_keywords(options, OPTIONS, "A viewer")
        self._shown: list[Layer] = []
        self._parcels: dict[str, Parcel] = {}
        self._clicks: list[_Click] = []
        self._picks: list[Callable[[Pick], Any]] = []
        self._linked: list[Viewer] = []
        self._removers: dict[str, Callable[[], Any]] = {}
        self._from_browser = False
        self._restyled = False
        with refused_in_words(self, options, "A viewer"):
            super().__init__(**options)
        self._placed = "crosshair" in options
        self.on_msg(self._receive)
        for layer in layers:
            self.add(layer)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, from the bottom up."""
        return tuple(self._shown)

    def add(self, volume: Any, *, below: Layer | None = None, **style: Any) -> Layer:
        """Put a volume on top, or below another layer, and return its `Layer`; the options are those of `Layer`."""
        layer = volume if isinstance(volume, Layer) and not style else Layer(volume, **style)
        if layer in self._shown:
            raise InputError(f"Layer {layer.name!r} is in this viewer already.")
        if below is not None and below not in self._shown:
            raise InputError(f"Layer {below.name!r} is not in this viewer; it has {[x.name for x in self._shown]}.")
        if not layer.is_named:
            layer.name = self._free_name(layer)
        self._shown.insert(len(self._shown) if below is None else self._shown.index(below), layer)
        layer.observe(self._restyle, STYLE)
        layer.observe(self._describe, "version")
        if not self._placed:
            self._placed = True
            self.crosshair = middle(layer.volume)
        self._describe()
        return layer

    def _free_name(self, layer: Layer) -> str:
        taken = {other.name for other in self._shown}
        numbered = (f"{layer.name} {number}" for number in itertools.count(2))
        return layer.name if layer.name not in taken else next(name for name in numbered if name not in taken)

    def remove(self, layer: Layer) -> None:
        """Take a layer away."""
        if layer not in self._shown:
            raise InputError(f"Layer {layer.name!r} is not in this viewer; it has {[x.name for x in self._shown]}.")
        if layer is self._played:
            self.stop_playing()
        self._shown.remove(layer)
        layer.unobserve(self._restyle, STYLE)
        layer.unobserve(self._describe, "version")
        self._removers.pop(layer.id, None)
        self._removable = [*self._removers]
        self._describe()

    def allow_removal(self, layer: Layer, remove: Callable[[], Any] | None = None) -> None:
        """Put a cross beside a layer in the list; a press calls ``remove()``, which by default takes the layer away."""
        if layer not in self._shown:
            raise InputError(f"Layer {layer.name!r} is not in this viewer; it has {[x.name for x in self._shown]}.")
        self._removers[layer.id] = remove or (lambda: self.remove(layer))
        self._removable = [*self._removers]

    def clear(self) -> None:
        """Take all layers away, and what was measured; the next one added moves the crosshair to its centre."""
        for layer in self.layers:
            self.remove(layer)
        self.measurements, self.picked = [], None
        self._placed = False

    def set_window(self, low: float, high: float, layer: Layer | None = None) -> None:
        """Set the values shown by the ends of the colour map, of `layer` or of the lowest."""
        (layer or self._need_layer()).window = (low, high)

    def on_click(self, callback: _Click) -> Callable[[], None]:
        """Call ``callback(xyz_mm, ijk)`` when a view is clicked (ijk in the lowest layer); returns how to stop that."""
        self._clicks.append(callback)
        return lambda: self._clicks.remove(callback)

    def on_pick(self, callback: Callable[[Pick], Any]) -> Callable[[], None]:
        """Call ``callback(pick)`` when a voxel is picked, which needs ``tool="pick"``; returns how to stop that."""
        self._picks.append(callback)
        return lambda: self._picks.remove(callback)

    def link(self, other: Viewer) -> None:
        """Let both viewers share one crosshair, in the browser as well (no kernel needed)."""
        other.crosshair = self.crosshair
        for one, two in ((self, other), (other, self)):
            one._linked.append(two)
            one.observe(one._tell_linked, "crosshair")
        ipywidgets.jslink((self, "crosshair"), (other, "crosshair"))

    def png(self, **options: Any) -> bytes:
        """Draw the views through the crosshair without a browser; returns PNG (options: see `montage`)."""
        from workbench.widgets.png import montage

        return montage(self._shown, self.crosshair, convention=cast("Convention", self.convention), **options)

    def screenshot(self, path: str | Path) -> Path:
        """Write what `png` draws to `path` (the live 3D view is saved by the camera button of the viewer).

        Raises
        ------
        InputError
            If the name ends as that of another kind of file.
        """
        path = Path(path)
        check_suffix(path, (".png",), "A screenshot")
        with _atomic.writing(path) as temporary:
            temporary.write_bytes(self.png())
        return path

    def draw_first(self) -> None:
        """Draw, small, what the browser shows until the kernel has time to send voxels; called when shown in a cell."""
        from workbench.widgets.still import stills

        if self._shown:
            # voxels that cannot be read are told of when the browser asks for them
            with suppress(*CANNOT_READ):
                self._first = stills(self._shown, self.crosshair, cast("Convention", self.convention))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self.draw_first()
        bundle = super()._repr_mimebundle_(**kwargs)
        if not bundle or not self._shown:
            return bundle
        data, metadata = bundle
        try:
            picture = self.png()
        except CANNOT_READ:
            return bundle  # the widget asks for the same voxels, and tells the cause in the cell
        # what a code host, a PDF or a reader without a kernel shows instead of the live view
        return {**data, "image/png": b64encode(picture).decode()}, metadata

    def __repr__(self) -> str:
        return f"Viewer({', '.join(layer.name for layer in self._shown) or 'no layers'})"

    def _describe(self, _change: Any = None) -> None:
        self._parcels = {layer.id: Parcel.of(layer) for layer in self._shown}
        self._first = []
        self._restyle()
        self._layers = [self._parcels[layer.id].describe() for layer in self._shown]

    def _restyle(self, _change: Any = None) -> None:
        # what the page restyled it knows; a step that it asked for may be styled otherwise
        if not self._restyled:
            self._styles = {layer.id: layer.style() for layer in self._shown}

    @t.validate("measurements")
    def _check_measurements(self, proposal: Any) -> list[Measurement]:
        space = self._shown[0].volume.space if self._shown else "patient"
        return [measured(one, space) for one in proposal["value"]]

    @t.observe("_styles")
    def _styles_changed(self, change: Any) -> None:
        if not self._from_browser:
            return
        self._restyled = True
        try:
            for layer in self._shown:
                now: Mapping[str, Any] = layer.style()
                for key, value in change["new"].get(layer.id, {}).items():
                    if key in STYLE and value != now[key]:
                        setattr(layer, key, tuple(value) if key == "window" and value else value)
        finally:
            self._restyled = False

    def _tell_linked(self, change: Any) -> None:
        # what the browser moved, the browser has moved in the linked viewers too; echoing it late would tug the mouse
        if not self._from_browser:
            for other in self._linked:
                other.crosshair = change["new"]

    def set_state(self, sync_data: Any) -> None:
        """Take state from the browser."""
        with self._browser_speaks():
            super().set_state(sync_data)

    @contextmanager
    def _browser_speaks(self) -> Iterator[None]:
        self._from_browser = True
        try:
            yield
        finally:
            self._from_browser = False

    def _receive(self, _widget: Any, message: Pull | Look | Click | Remove, _buffers: Any) -> None:
        if message["type"] == "pull":
            self._answer_pull(message)
        elif message["type"] == "look":
            self._answer_look(message)
        elif message["type"] == "click":
            self._click(_triple(message["xyz"]))
        elif message["type"] == "remove":
            # a second press may come before the browser knows that the layer is gone
            self._removers.get(message["layer"], lambda: None)()

    def _answer_pull(self, message: Pull) -> None:
        parcel = self._parcels.get(message["layer"])
        if parcel is None or parcel.version != message["version"]:
            return  # of a layer that is gone or replaced; the browser learns of that by the layer list
        level = int(message["level"])
        known = Address(layer=message["layer"], version=message["version"], level=level)
        for index in message["bricks"]:
            try:
                buffer = parcel.brick(level, int(index))
                header = parcel.header()
            except CANNOT_READ as error:
                self.send(Refused(type="refused", cause=f"{type(error).__name__}: {error}", **known))
                return
            self.send(Brick(type="brick", index=index, **known, **header), [buffer])

    def _answer_look(self, message: Look) -> None:
        parcels = [self._parcels.get(name) for name in (message["layer"], message["on"])]
        versions = [message["version"], message["on_version"]]
        if [None if parcel is None else parcel.version for parcel in parcels] != versions:
            return
        parcel, on = cast("list[Parcel]", parcels)
        try:
            header, buffer = section(parcel, on, int(message["axis"]), int(message["index"]))
        except CANNOT_READ as error:
            cause = f"{type(error).__name__}: {error}"
            self.send(cast("NoSection", {**message, "type": "no-section", "cause": cause}))
            return
        self.send(cast("Section", {**message, "type": "section", **header}), [buffer])

    def _click(self, xyz: Point) -> None:
        ijk = voxel_at(self._need_layer().volume, xyz)
        for callback in tuple(self._clicks):
            callback(xyz, ijk)
        if self.tool == "pick":
            self.picked = pick(self._shown, xyz)
            for told in tuple(self._picks):
                told(self.picked)

    def _need_layer(self) -> Layer:
        if not self._shown:
            raise StateError("The viewer has no layers. Put one in with `viewer.add(volume)`.")
        return self._shown[0]


def _triple(values: Any) -> Point:
    x, y, z = (float(value) for value in np.ravel(values)[:3])
    return x, y, z
