"""A still picture of layers, made by matplotlib: the views through a point, with letters, colour bars and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Annotated, Any

from workbench.errors import InputError
from workbench.signatures import Range, checked
from workbench.widgets.colors import lookup_table
from workbench.widgets.layer import Layer
from workbench.widgets.planes import Convention, Plane, Point, middle, need_layers, paint, planes, window
from workbench.widgets.transfer import Parcel

_INK = "#e6e6e6"
# inches
_GAP = 0.06
_SIDE = 0.95
_TITLE = 0.35
_BAR = 0.9
_ROW = 0.18
_MOST_NAMES = 10


def montage(
    layers: Sequence[Layer],
    crosshair: Point | None = None,
    *,
    convention: Convention = "radiological",
    width: float = 9.0,
    dpi: int = 96,
    title: str = "",
) -> bytes:
    """Return PNG bytes of the figure that `figure` draws."""
    buffer = BytesIO()
    drawn = figure(layers, crosshair, convention=convention, width=width, title=title)
    drawn.savefig(buffer, format="png", dpi=dpi, facecolor=drawn.get_facecolor())
    return buffer.getvalue()


@checked("The matplotlib viewer")
def figure(
    layers: Sequence[Layer],
    crosshair: Annotated[Point | None, Range(unit="mm")] = None,
    *,
    convention: Convention = "radiological",
    width: Annotated[float, Range(above=0, unit="inches")] = 9.0,
    title: str = "",
) -> Any:
    """Draw the views of `layers` through a point.

    Parameters
    ----------
    layers : sequence of Layer
        From the bottom up; the lowest decides the extent.
    crosshair : (x, y, z), optional
        RAS mm; by default the middle voxel of the lowest layer.
    convention : {"radiological", "neurological"}
        Whether the patient's right is on the left of the picture.
    width : float
        Width of the figure in inches.
    title : str
        Written above the views.

    Returns
    -------
    matplotlib.figure.Figure
        With one axes for each view, in mm.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    base = need_layers(layers).volume
    if crosshair is None:
        crosshair = middle(base)
    if len(crosshair) != 3:
        raise InputError(f"The crosshair must be three numbers, in RAS mm, got {crosshair!r}. Leave it out.")
    drawn = planes(base, crosshair, convention)
    bars = [layer for layer in layers if layer.visible and layer.kind != "labels" and not layer.is_rgb]
    entries = _entries([layer for layer in layers if layer.visible and layer.kind == "labels"])
    side = _SIDE if bars or entries else 0.0
    # every view to one scale, as wide as fits and not taller than a page likes
    room = width - side - _GAP * (len(drawn) + 1)
    scale = min(room / sum(plane.size[0] for plane in drawn), 0.8 * width / max(plane.size[1] for plane in drawn))
    tallest = max(max(plane.size[1] for plane in drawn) * scale, _BAR * len(bars) + _ROW * len(entries))
    height = tallest + 2 * _GAP + (_TITLE if title else 0.0)

    out = Figure(figsize=(width, height), facecolor="black")
    FigureCanvasAgg(out)
    spare = room - scale * sum(plane.size[0] for plane in drawn)
    left = _GAP + spare / 2
    for plane in drawn:
        w, h = plane.size[0] * scale, plane.size[1] * scale
        axes = out.add_axes((left / width, (_GAP + (tallest - h) / 2) / height, w / width, h / height))
        _draw_plane(axes, plane, layers, crosshair, crossed=base.spatial_ndim == 3)
        left += w + _GAP
    if side:
        _draw_side(out, bars, entries, (width - side, _GAP, side, tallest))
    if title:
        out.text(0.5, 1 - 0.5 * _TITLE / height, title, color=_INK, fontsize=11, ha="center", va="center")
    return out


def _draw_plane(axes: Any, plane: Plane, layers: Sequence[Layer], crosshair: Point, crossed: bool) -> None:
    axes.imshow(
        paint(layers, plane), origin="lower", extent=(0, plane.size[0], 0, plane.size[1]), interpolation="nearest"
    )
    axes.set_axis_off()
    if crossed:
        x, y = plane.place(crosshair)
        axes.axvline(x, color="#4da6ff", linewidth=0.6, alpha=0.8)
        axes.axhline(y, color="#4da6ff", linewidth=0.6, alpha=0.8)
    places = {"left": (0.03, 0.5), "right": (0.97, 0.5), "bottom": (0.5, 0.04), "top": (0.5, 0.96)}
    for edge, letter in plane.letters().items():
        axes.text(*places[edge], letter, transform=axes.transAxes, color=_INK, fontsize=9, ha="center", va="center")


def _entries(legends: Sequence[Layer]) -> list[tuple[str, str]]:
    """Return names and colours of labels, once each: truth and prediction share most of theirs."""
    entries = [(entry["name"], entry["color"]) for layer in legends for entry in Parcel.of(layer).labels[1:]]
    return list(dict.fromkeys(entries))[:_MOST_NAMES]


def _draw_side(out: Any, bars: Sequence[Layer], entries: Sequence[tuple[str, str]], box: tuple[float, ...]) -> None:
    """Colour bars from the top, the label names below them; `box` is (left, bottom, width, height) in inches."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Patch

    left, bottom, side, tall = box
    width, height = out.get_size_inches()
    names = _ROW * len(entries)
    share = (tall - names) / max(1, len(bars))
    for number, layer in enumerate(bars):
        low = bottom + tall - (number + 1) * share
        axes = out.add_axes(((left + 0.12) / width, (low + 0.1 * share) / height, 0.13 / width, 0.8 * share / height))
        mapped = ScalarMappable(Normalize(*window(layer)), ListedColormap(lookup_table(layer.colormap) / 255))
        bar = out.colorbar(mapped, cax=axes)
        bar.set_label(
            f"{layer.name} ({layer.volume.unit})" if layer.volume.unit else layer.name, color=_INK, fontsize=8
        )
        bar.ax.tick_params(colors=_INK, labelsize=7)
        bar.outline.set_edgecolor("#808080")
    if entries:
        axes = out.add_axes((left / width, bottom / height, side / width, names / height))
        axes.set_axis_off()
        patches = [Patch(color=color, label=name) for name, color in entries]
        axes.legend(
            handles=patches,
            loc="lower left",
            fontsize=7,
            frameon=False,
            labelcolor=_INK,
            handlelength=1.0,
            borderpad=0.2,
        )
