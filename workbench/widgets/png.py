"""A still picture of layers, made by matplotlib: the views through a point, with letters, colour bars and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from workbench.widgets.colors import lookup_table
from workbench.widgets.layer import Layer
from workbench.widgets.planes import Plane, Point, need_layers, paint, planes, window
from workbench.widgets.transfer import Parcel

_INK = "#e6e6e6"


def montage(
    layers: Sequence[Layer],
    crosshair: Point | None = None,
    *,
    convention: str = "radiological",
    width: float = 9.0,
    dpi: int = 72,
    title: str = "",
) -> bytes:
    """Return PNG bytes of the figure that `figure` draws."""
    buffer = BytesIO()
    drawn = figure(layers, crosshair, convention=convention, width=width, title=title)
    drawn.savefig(buffer, format="png", dpi=dpi, facecolor=drawn.get_facecolor())
    return buffer.getvalue()


def figure(
    layers: Sequence[Layer],
    crosshair: Point | None = None,
    *,
    convention: str = "radiological",
    width: float = 9.0,
    title: str = "",
) -> Any:
    """Draw the views of `layers` through a point.

    Parameters
    ----------
    layers : sequence of Layer
        From the bottom up; the lowest decides the extent.
    crosshair : (x, y, z), optional
        RAS mm; by default the centre of the lowest layer.
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
        middle = [(n - 1) / 2 for n in base.spatial_shape]
        x, y, z = base.to_world(middle)
        crosshair = (float(x), float(y), float(z))
    drawn = planes(base, crosshair, convention)
    widths, heights = [plane.size[0] for plane in drawn], [plane.size[1] for plane in drawn]
    bars = [x for x in layers if x.visible and x.kind != "labels" and not x.is_rgb]
    legends = [layer for layer in layers if layer.visible and layer.kind == "labels"]
    side = 0.95 if bars or legends else 0.0
    room = width - side
    height = min(room * max(heights) / sum(widths), 1.2 * room)
    out = Figure(figsize=(width, height + (0.35 if title else 0)), facecolor="black", layout="constrained")
    FigureCanvasAgg(out)
    grid = out.add_gridspec(1, len(drawn) + bool(side), width_ratios=[*widths, *([sum(widths) * side / room] if side else [])])
    for column, plane in enumerate(drawn):
        _draw_plane(out.add_subplot(grid[0, column]), plane, layers, crosshair, base.spatial_ndim == 3)
    if side:
        _draw_side(out, grid[0, len(drawn)], bars, legends)
    if title:
        out.suptitle(title, color=_INK, fontsize=11)
    return out


def _draw_plane(axes: Any, plane: Plane, layers: Sequence[Layer], crosshair: Point, crossed: bool) -> None:
    axes.imshow(paint(layers, plane), origin="lower", extent=(0, plane.size[0], 0, plane.size[1]), interpolation="nearest")
    axes.set_axis_off()
    if crossed:
        x, y = plane.place(crosshair)
        axes.axvline(x, color="#4da6ff", linewidth=0.6, alpha=0.8)
        axes.axhline(y, color="#4da6ff", linewidth=0.6, alpha=0.8)
    places = {"left": (0.03, 0.5), "right": (0.97, 0.5), "bottom": (0.5, 0.04), "top": (0.5, 0.96)}
    for edge, letter in plane.letters().items():
        axes.text(*places[edge], letter, transform=axes.transAxes, color=_INK, fontsize=9, ha="center", va="center")


def _draw_side(out: Any, cell: Any, bars: Sequence[Layer], legends: Sequence[Layer]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Patch

    rows = cell.subgridspec(len(bars) + bool(legends), 1)
    for row, layer in enumerate(bars):
        axes = out.add_subplot(rows[row, 0])
        axes.set_axis_off()
        mapped = ScalarMappable(Normalize(*window(layer)), ListedColormap(lookup_table(layer.colormap) / 255))
        bar = out.colorbar(mapped, ax=axes, fraction=0.3, aspect=12)
        unit = f" ({layer.volume.unit})" if layer.volume.unit else ""
        bar.set_label(layer.name + unit, color=_INK, fontsize=8)
        bar.ax.tick_params(colors=_INK, labelsize=7)
        bar.outline.set_edgecolor("#808080")
    if legends:
        axes = out.add_subplot(rows[len(bars), 0])
        axes.set_axis_off()
        patches = [
            Patch(color=entry["color"], label=entry["name"])
            for layer in legends
            for entry in Parcel(layer).labels[1:9]
        ]
        axes.legend(handles=patches, loc="center", fontsize=7, frameon=False, labelcolor=_INK, handlelength=1.0)
