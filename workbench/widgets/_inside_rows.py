"""What is told of the inside of a network, as the page shows it: rows that bars and pictures are drawn from."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypedDict

import numpy as np

from workbench.explain import GradientFlow, Occluders, Sensitivity
from workbench.volume import Volume
from workbench.widgets.layer import Layer
from workbench.widgets.planes import Convention, Point
from workbench.widgets.still import slice_png

#: Of a feature map: evenly bright steps, and no colour that stands for a map of an explanation.
COLORMAP = "viridis"
_LONGEST = 96
#: A bar of nothing stands for a gradient this many powers of ten below the largest.
_DECADES = 6.0


class FeatureTile(TypedDict):
    """A channel of a layer."""

    channel: int
    label: str
    silent: Annotated[bool, "Whether it is zero everywhere."]


class FlowRow(TypedDict):
    """How much of the gradient comes to a layer."""

    layer: str
    told: str
    bar: Annotated[float, "0 to 1, by powers of ten below the largest."]
    verdict: str


class EffectRow(TypedDict):
    """How much the score hangs on a parameter of the preprocessing."""

    parameter: str
    told: str
    bar: Annotated[float, "0 to 1, of the largest."]
    effect: str


class OccluderRow(TypedDict):
    """What an occluder does."""

    number: int
    cells: list[str]
    drop: Annotated[float, "-1 to 1, of the largest."]


def tiles(made: Volume, channels: list[int], crosshair: Point, convention: Convention) -> tuple[list[Any], list[bytes]]:
    """Return the channels of a layer and a picture of each, on the slice through a place."""
    rows: list[FeatureTile] = []
    pictures = []
    for place, channel in enumerate(channels):
        one = channel_of(made, place)
        rows.append({"channel": channel, "label": str(channel), "silent": not bool(np.any(one.data))})
        pictures.append(slice_png([Layer(one, colormap=COLORMAP, opacity=1.0)], crosshair, convention, _LONGEST))
    return rows, pictures


def channel_of(made: Volume, place: int) -> Volume:
    """Return one channel as an image of its own."""
    return Volume(made.channels_first()[place], made.affine, space=made.space)


def flow_rows(found: GradientFlow) -> list[FlowRow]:
    """Return the layers, first to last."""
    known = [row["gradient"] for row in found.rows if _finite(row.get("gradient")) and row["gradient"] > 0]
    top = math.log10(max(known)) if known else 0.0
    return [
        {
            "layer": row["layer"],
            "told": _flow_words(row),
            "bar": _share_of_decades(row.get("gradient"), top),
            "verdict": row["verdict"],
        }
        for row in found.rows
    ]


def flow_sentence(found: GradientFlow) -> str:
    """Return which layers are dead, explode or vanish, by name."""
    kinds: tuple[Any, ...] = ("exploding", "vanishing", "dead", "partly dead")
    named = [(kind, found.of(kind)) for kind in kinds]
    told = [f"{kind.capitalize()}: {', '.join(names)}." for kind, names in named if names]
    return " ".join(told) or "No layer is dead, and none explodes."


def effect_rows(found: Sensitivity) -> list[EffectRow]:
    """Return the parameters, the one that the score hangs on most first."""
    top = max((row["effect"] for row in found.rows), default=0.0) or 1.0
    return [
        {
            "parameter": row["parameter"],
            "told": f"score {row['score at smaller']:.4g} at {row['smaller']:.4g}, {found.score:.4g} at "
            f"{row['value']:.4g}, {row['score at larger']:.4g} at {row['larger']:.4g}",
            "bar": row["effect"] / top,
            "effect": f"{row['effect']:.3g}",
        }
        for row in found.rows
    ]


def occluder_rows(found: Occluders, most: int) -> tuple[list[str], list[OccluderRow]]:
    """Return the head of the table of occluders, and those that take most."""
    names = [name for name in found.columns if name not in ("occluder", "x mm", "y mm", "z mm")]
    top = max((abs(row["drop"]) for row in found.rows), default=0.0) or 1.0
    rows: list[OccluderRow] = [
        {
            "number": row["occluder"],
            "cells": [f"{row[name]:.3g}" for name in names],
            "drop": row["drop"] / top,
        }
        for row in found.rows[:most]
    ]
    return ["occluder", *names], rows


def _finite(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))


def _share_of_decades(gradient: Any, top: float) -> float:
    if gradient is not None and not np.isfinite(gradient):
        return 1.0
    if not gradient:
        return 0.0
    return float(np.clip(1 + (math.log10(gradient) - top) / _DECADES, 0.01, 1))


def _flow_words(row: dict[str, Any]) -> str:
    if "gradient" not in row:
        return str(row["type"])
    return (
        f"{row['type']}, {row['shape']}: gradient {row['gradient']:.3g}, activation {row['activation']:.3g}, "
        f"{row['silent']:.0%} of the channels silent"
    )
