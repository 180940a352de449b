"""What is known and what a model answers, as layers that are told apart: outlines for the truth, fill for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.datasets.annotations import parts
from workbench.errors import choose
from workbench.evaluation import match_shapes
from workbench.evaluation.overlap import on_one_grid, spatial
from workbench.shapes import Shapes
from workbench.volume import UNLABELLED, Volume
from workbench.widgets.colors import label_color, lookup_table
from workbench.widgets.layer import Layer

#: What an answer may be coloured by.
COLOR_BY = ("class", "score", "match")
#: Least score of a box, point or ellipse that is drawn.
LIKELY = 0.3
#: Colours of what was rightly found, found without being there, missed, and found under another name.
RIGHT, WRONG, MISSED, OTHER = "#009e73", "#d55e00", "#f0e442", "#cc79a7"
#: Of shapes that a person drew: light enough for dark pictures, and unlike the stains of bright ones.
_TRUE_SHAPES = "#00e5ff"
_SCORE_MAP = "viridis"
_OPACITY = {"truth": 0.9, "shapes": 0.9, "labels": 0.45, "scores": 0.6}
_MATCHES = {1: ("true positive", RIGHT), 2: ("false positive", WRONG), 3: ("false negative", MISSED)}


def truth_layer(annotation: Any, volume: Volume, classes: Sequence[str] = (), **style: Any) -> Layer | None:
    """Return what is known of an image as a layer of outlines; None where nothing of it can be drawn.

    Parameters
    ----------
    annotation : object
        As data sets have it: labels, shapes, or a mapping with a mask.
    volume : Volume
        The image.
    classes : sequence of str
        Names of the classes.
    **style
        As for `Layer`, instead of what is usual for the truth.
    """
    shown = _drawable(annotation)
    usual = {"name": "truth", "outline": True, "opacity": _OPACITY["truth"]}
    if isinstance(shown, Shapes):
        colors = {number + 1: _TRUE_SHAPES for number in range(max(len(classes), 1))}
        return Layer(shown.outlines(volume, classes), **{**usual, "outline": False, "colors": colors, **style})
    return None if shown is None else Layer(shown, **{**usual, **style})


def answer_layer(
    answer: Any,
    volume: Volume,
    classes: Sequence[str] = (),
    *,
    truth: Any = None,
    color_by: str = "class",
    least: float = LIKELY,
    **style: Any,
) -> Layer | None:
    """Return what a model answers as a layer; None where nothing of it can be drawn, as of a class.

    Parameters
    ----------
    answer : Volume, Shapes, Classification or mapping
        What `Model.predict` returned.
    volume : Volume
        The image.
    classes : sequence of str
        Names of the classes.
    truth : object, optional
        The annotation, which ``color_by="match"`` compares with.
    color_by : {"class", "score", "match"}
        What the colours of shapes and labels mean. ``"match"`` tells true positives, false positives and false
        negatives apart; without a truth, and for maps of scores, it is as ``"class"``.
    least : float
        Least score of shapes that are drawn: doubtful ones would bury the likely ones.
    **style
        As for `Layer`, instead of what is usual for an answer.

    Raises
    ------
    InputError
        If `color_by` is none of these.
    """
    choose(color_by, COLOR_BY, "way to colour an answer")
    shown, known = _drawable(answer), _drawable(truth)
    if shown is None:
        return None
    usual: dict[str, Any] = {"name": "prediction"}
    if isinstance(shown, Shapes):
        there = known if isinstance(known, Shapes) and type(known) is type(shown) else None
        return _shapes(likely(shown, least), volume, classes, there, color_by, {**usual, **style})
    if shown.kind == "labels" and color_by == "match" and isinstance(known, Volume) and known.kind == "labels":
        return _compared(shown, known, {**usual, **style})
    return Layer(shown, **{**usual, "opacity": _OPACITY[shown.kind], **style})


def likely(shapes: Shapes, least: float = LIKELY) -> Shapes:
    """Return the shapes with at least this score; all of those that have none."""
    return shapes if shapes.scores is None else shapes.select(shapes.scores >= least)


def _drawable(thing: Any) -> Volume | Shapes | None:
    """Return the part of an annotation or an answer that lies in space."""
    found = (part for part in parts(getattr(thing, "volume", thing)).values() if isinstance(part, Volume | Shapes))
    return next(found, None)


def _shapes(
    found: Shapes, volume: Volume, classes: Sequence[str], there: Shapes | None, color_by: str, style: dict[str, Any]
) -> Layer:
    """Draw each shape under a name and a colour of its own: class and score."""
    names, colors = {}, {}
    hits = match_shapes(found, there) if there is not None else None
    for number in range(len(found)):
        label = int(found.labels[number])
        score = None if found.scores is None else float(found.scores[number])
        name = classes[label] if label < len(classes) else f"class {label}"
        names[number + 1] = name if score is None else f"{name} {score:.2f}"
        colors[number + 1] = _color(label, score, None if hits is None else bool(hits[number] >= 0), color_by)
    drawn = found.outlines(volume, by="number")
    data = drawn.data
    if there is not None and hits is not None and color_by == "match":
        missed = there.select(np.setdiff1d(np.arange(len(there)), hits))
        outlined = missed.outlines(volume)
        next_label = len(found) + 1
        data = np.where((data == 0) & (outlined.data > 0), next_label, data).astype(data.dtype)
        names[next_label], colors[next_label] = f"missed: {len(missed)}", MISSED
    labels = {0: "background", **names}
    shown = drawn.with_data(data, kind="labels", labels=labels)
    return Layer(shown, **{"opacity": _OPACITY["shapes"], "colors": colors, **style})


def _color(label: int, score: float | None, hit: bool | None, color_by: str) -> str:
    if color_by == "match" and hit is not None:
        return RIGHT if hit else WRONG
    if color_by == "score" and score is not None:
        r, g, b = lookup_table(_SCORE_MAP)[round(255 * float(np.clip(score, 0, 1)))]
        return f"#{r:02x}{g:02x}{b:02x}"
    return label_color(label)


def _compared(found: Volume, true: Volume, style: dict[str, Any]) -> Layer:
    """Return where labels are right, too much, or missed; those of instances count as there or not there."""
    found, true = on_one_grid(found, true)
    one, other = spatial(found), spatial(true)
    numbered = not any(value not in (0, UNLABELLED) for value in true.labels)
    same = (one > 0) & (other > 0) if numbered else (one == other) & (one > 0)
    compared = np.zeros(one.shape, np.uint8)
    compared[same] = 1
    compared[(one > 0) & ~same] = 2
    compared[(one == 0) & (other > 0)] = 3
    if true.has_unlabelled:  # nobody knows whether these are right
        compared[other == UNLABELLED] = 0
    table = dict(_MATCHES)
    if not numbered:
        confused = (one > 0) & (other > 0) & ~same
        if confused.any():
            compared[confused] = 4
            table[4] = ("another label than it should be", OTHER)
    labels = {0: "background", **{value: name for value, (name, _) in table.items()}}
    colors = {value: color for value, (_, color) in table.items()}
    shown = true.with_data(compared, kind="labels", labels=labels, source=None, notes=())
    return Layer(shown, **{"opacity": 0.6, "colors": colors, **style})
