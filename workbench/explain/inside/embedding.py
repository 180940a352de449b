"""Where cases lie to a network: their features at a layer, laid out in a plane by t-SNE."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Annotated, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, MissingExtraError, choose
from workbench.explain.explainers._sampling import SEED
from workbench.explain.memory import fitting
from workbench.signatures import Range, checked
from workbench.volume import Volume
from workbench.work import IDLE, Work

#: A neighbourhood of that many cases, or of a third of them where there are fewer (openTSNE takes no more).
_PERPLEXITY, _LEAST = 30.0, 4
#: Features that differ by less, as a share of the largest, are the same.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Embedding:
    """Cases in a plane; what is near to the network is near here, distances far off say little.

    Attributes
    ----------
    points : ndarray
        ``[n, 2]`` float64.
    features : ndarray
        ``[n, channels]`` float32: the mean of each of the layer's channels.
    ids, labels : list
        Those of the samples; a label that is no number or word (a Volume, boxes) is None.
    layer : str
    """

    points: Array
    features: Array
    ids: list[str]
    labels: list[Any]
    layer: str
    _model: Any = field(repr=False)
    _fitted: Any = field(repr=False)

    def place(self, volume: Volume) -> Array:
        """Return where another case lies among these, ``[2]``; they stay where they are."""
        described = _described(self._model, volume, self.layer)[None]
        placed: Array = np.asarray(self._fitted.transform(described), np.float64)[0]
        return placed


@checked("wb.explain.embed()", "work")
def embed(
    model: Any,
    data: Sequence[Any],
    layer: str | None = None,
    *,
    perplexity: Annotated[float, Range(above=1)] | None = None,
    seed: Annotated[int, Range(low=0)] = SEED.default,
    work: Work = IDLE,
) -> Embedding:
    """Lay the cases of a data set out in a plane by what a layer puts out for them (t-SNE).

    The features of a case are the means of the layer's channels over space, each brought to a deviation of 1 over the
    cases. Computed by openTSNE, the extra ``tsne``.

    Parameters
    ----------
    model : Model
    data : Dataset, or sequence of samples or Volumes
        Four cases at least.
    layer : str, optional
        A name from `model.layers()`; default: `model.default_layer()`.
    perplexity : float, optional
        About how many neighbours a case has; 30, or a third of the cases where that is less.
    seed : int
        Another one gives another layout.
    work : Work, optional
        Told how far it is; stops it.

    Returns
    -------
    Embedding

    Raises
    ------
    MissingExtraError
        If openTSNE is not installed.
    InputError
        If there are too few cases, all of them are alike, or there is no such layer.
    Cancelled
        If that was asked for.

    References
    ----------
    van der Maaten and Hinton 2008, Visualizing Data using t-SNE; Policar, Strazar, Zupan 2024, openTSNE.
    """
    tsne = _open_tsne()
    name = choose(layer, [info.name for info in model.layers()], "layer") if layer else str(model.default_layer())
    if len(data) < _LEAST:
        raise InputError(f"wb.explain.embed(): data must hold {_LEAST} cases at least, got {len(data)}. Give more.")
    most = (len(data) - 1) / 3
    if perplexity is not None and perplexity > most:
        raise InputError(
            f"wb.explain.embed(): perplexity must be at most a third of the other cases, {most:.3g}, got {perplexity}."
        )
    rows, ids, labels = [], [], []
    for place in range(len(data)):
        work.check()
        sample = data[place]
        image = sample if isinstance(sample, Volume) else sample["image"]
        rows.append(_described(model, image, name))
        ids.append(str(place) if isinstance(sample, Volume) else str(sample.get("id", place)))
        labels.append(None if isinstance(sample, Volume) else _plain(sample.get("label")))
        work.tell((place + 1) / len(data), f"case {place + 1}")  # an id may be a patient's
    if len({row.shape for row in rows}) > 1:
        raise InputError(f"wb.explain.embed(): layer must be one with channels of its own, got {name!r}. Take another.")
    found = np.stack(rows)
    scale = found.std(axis=0)
    scale[scale <= _ROUNDING * np.abs(found).max()] = 0
    if not scale.any():
        raise InputError(
            f"wb.explain.embed(): data must hold cases that differ to the layer {name!r}, got {len(data)} with "
            "the same features. Give other cases, or take another of model.layers()."
        )
    scaled = _Scaled(found.mean(axis=0), np.where(scale > 0, scale, 1))
    fitted = tsne.TSNE(
        perplexity=min(_PERPLEXITY, most) if perplexity is None else perplexity,
        random_state=seed,
        initialization="pca",
        negative_gradient_method="bh" if len(data) < 10_000 else "fft",
        n_jobs=1,  # the same layout on every machine
    ).fit(scaled(found))
    return Embedding(np.asarray(fitted, np.float64), found, ids, labels, name, model, _Fitted(fitted, scaled))


def _open_tsne() -> ModuleType:
    try:
        found = importlib.import_module("openTSNE")
    except ImportError:
        raise MissingExtraError("wb.explain.embed() (openTSNE)", "tsne") from None
    return found


def _described(model: Any, volume: Volume, layer: str) -> Array:
    """Return the means of a layer's channels, ``[channels]`` float32."""
    with fitting(model.framework, volume.spatial_shape):
        prepared = model.prepare(volume)
        found = model.framework.capture(model.module, [layer], prepared.batch)[layer][0]
    if found.ndim not in {1, 1 + len(prepared.spatial_shape)}:
        raise InputError(
            f"wb.explain.embed(): layer must give a map or a vector of channels, got {layer!r} with an array of shape "
            f"{found.shape} for a case. Take another of model.layers()."
        )
    return np.asarray(found.reshape(len(found), -1).mean(axis=1), np.float32)


def _plain(label: Any) -> Any:
    value = label.item() if isinstance(label, np.generic) else label
    return value if isinstance(value, int | float | str) else None


@dataclass(frozen=True)
class _Scaled:
    """Features brought to a mean of 0 and a deviation of 1, as those of the cases were."""

    mean: Array
    deviation: Array

    def __call__(self, found: Array) -> Array:
        return np.asarray((found - self.mean) / self.deviation, np.float64)


@dataclass(frozen=True)
class _Fitted:
    layout: Any
    scaled: _Scaled

    def transform(self, found: Array) -> Any:
        return self.layout.transform(self.scaled(found), perplexity=min(5.0, (len(self.layout) - 1) / 3))
