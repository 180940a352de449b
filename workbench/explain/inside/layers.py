"""Looking inside a network: what a layer puts out, and how much of the score's gradient comes to each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose
from workbench.evaluation.table import Table
from workbench.explain.explainers._attention import attention_layers
from workbench.explain.making import Making
from workbench.explain.memory import fitting
from workbench.explain.request import Request
from workbench.explain.targets import Target
from workbench.signatures import checked
from workbench.volume import Volume
from workbench.work import IDLE, Work

#: How much larger or smaller than the median of all layers a gradient may be. Conventions; the numbers are there for
#: who has others.
_EXPLODES, _VANISHES = 1e3, 1e-3
#: Share of a layer's channels that are zero everywhere, from which it is said.
_SILENT = 0.5

Verdict = Literal["good", "partly dead", "dead", "vanishing", "exploding", "not run"]


@checked("wb.explain.features()")
def features(model: Any, volume: Volume, layer: str | None = None, *, channels: Sequence[int] | None = None) -> Volume:
    """Return what a layer puts out for a volume, on the volume's own grid.

    Parameters
    ----------
    model : Model
    volume : Volume
    layer : str, optional
        A name from `model.layers()`; default: `model.default_layer()`.
    channels : sequence of int, optional
        Which of the layer's channels; all by default, which takes as much memory as the volume for each.

    Returns
    -------
    Volume
        Scores with a channel for each of the layer's (``"conv2 0"``, ...), enlarged linearly; a map of a single cell is
        the same everywhere.

    Raises
    ------
    InputError
        If there is no such layer or channel, or the layer puts out no map over the spatial axes.
    StateError
        If it does not fit into memory.
    """
    with fitting(model.framework, volume.spatial_shape):
        name, found, prepared = _captured(model, volume, layer)
        wanted = list(range(len(found))) if channels is None else [_channel(one, len(found)) for one in channels]
        names = [f"{name} {one}" for one in wanted]
        array = np.ascontiguousarray(found[wanted], np.float32)
        restored: Volume = prepared.restore(array, kind="scores", order=1, channels=names)
    return restored


def count_features(model: Any, volume: Volume, layer: str | None = None) -> int:
    """Return how many channels `features` would give, at the cost of a pass and no more memory than that takes.

    Raises
    ------
    InputError, StateError
        As `features`.
    """
    with fitting(model.framework, volume.spatial_shape):
        return len(_captured(model, volume, layer)[1])


def _captured(model: Any, volume: Volume, layer: str | None) -> tuple[str, Array, Any]:
    """Return the name of a layer, what it puts out ``[channels, *spatial]``, and the volume as the network sees it."""
    name = choose(layer, [info.name for info in model.layers()], "layer") if layer else str(model.default_layer())
    prepared = model.prepare(volume)
    found: Array = model.framework.capture(model.module, [name], prepared.batch)[name][0]
    attention = name in attention_layers(model.framework, model.module)
    if found.ndim != len(prepared.spatial_shape) + 1 or attention:
        raise InputError(
            f"wb.explain.features(): layer must put out a map over the {len(prepared.spatial_shape)} spatial axes, "
            f"got {name!r}, whose output is {found.shape}. Choose a layer before it, such as "
            f"{model.default_layer()!r}."
        )
    return name, found, prepared


def _channel(given: Any, count: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given < count:
        raise InputError(f"wb.explain.features(): channels must be numbers from 0 to {count - 1}, got {given!r}.")
    return int(given)


class GradientFlow(Table):
    """How much of the gradient comes to each layer: a row for each, in the order of their definition."""

    def of(self, verdict: Verdict) -> list[str]:
        """Return the names of the layers with a verdict, such as ``"dead"`` or ``"exploding"``.

        Raises
        ------
        InputError
            If there is no such verdict.
        """
        choose(verdict, get_args(Verdict), "verdict on a layer")
        return [row["layer"] for row in self.rows if row["verdict"] == verdict]


@checked("wb.explain.gradient_flow()", "work")
def gradient_flow(
    model: Any, volume: Volume, target: Target | int | str | None = None, *, work: Work = IDLE
) -> GradientFlow:
    """Tell how much of a score's gradient comes to each layer, and which layers are dead or explode.

    Parameters
    ----------
    model : Model
    volume : Volume
    target : Target, int or str, optional
        As for `workbench.explain`.
    work : Work, optional
        Told how far it is; stops it. On PyTorch all layers take one pass through the network, if memory allows; on
        MindSpore each takes one.

    Returns
    -------
    GradientFlow
        For each layer that holds no other: its name and type, the shape of what it puts out, the root mean square of
        that ("activation") and the Euclidean norm of the score's gradient with respect to it ("gradient"), which share
        of its channels is zero everywhere ("silent"), and a verdict. "exploding": the gradient is not finite, or more
        than 1000 times the median of all layers; "vanishing": less than a thousandth of it; "dead": none comes
        through, or nothing comes out; "partly dead": half of the channels or more are silent; "not run": it takes no
        part, or puts out no single tensor.

    Raises
    ------
    InputError
        As `workbench.explain`.
    Cancelled
        If that was asked for.
    """
    making = Making(Request(model, volume, "saliency", target))
    making.check_at_once("wb.explain.gradient_flow()")
    problem, rows = making.problem, []
    layers = [info for info in model.layers() if info.leaf]
    names = [info.name for info in layers]
    found = problem.framework.layer_gradients(problem.module, names, problem.input, problem.score)
    for place, info in enumerate(layers):
        work.check()
        known = next(found)
        # what did not run, or gives no tensor, has no figures
        figures = {"verdict": "not run"} if known is None else _measured(*known)
        rows.append({"layer": info.name, "type": info.type, **figures})
        work.tell((place + 1) / len(layers), info.name)
    flowing = [row["gradient"] for row in rows if np.isfinite(row.get("gradient", np.nan)) and row["gradient"] > 0]
    middle = float(np.median(flowing)) if flowing else 0.0
    for row in rows:
        row["verdict"] = row.get("verdict") or _verdict(row, middle)
    return GradientFlow(rows)


def _measured(activation: Array, gradient: Array) -> dict[str, Any]:
    values, slopes = activation[0].astype(np.float64), gradient[0].astype(np.float64)
    silent = ~np.any(values.reshape(len(values), -1), axis=1)
    return {
        "shape": "x".join(map(str, values.shape)),
        "activation": float(np.sqrt(np.mean(values**2))),
        "gradient": float(np.linalg.norm(slopes)),
        "silent": float(silent.mean()),
    }


def _verdict(row: dict[str, Any], middle: float) -> Verdict:
    if not np.isfinite([row["gradient"], row["activation"]]).all() or row["gradient"] > _EXPLODES * middle > 0:
        return "exploding"
    if row["gradient"] == 0 or row["activation"] == 0:
        return "dead"
    if row["gradient"] < _VANISHES * middle:
        return "vanishing"
    return "partly dead" if row["silent"] >= _SILENT else "good"
