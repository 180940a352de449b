"""From a model and a volume to an Explanation."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from workbench.errors import Cancelled, InputError, check_keywords, choose
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.explanation import Explanation
from workbench.explain.memory import does_not_fit, fitting
from workbench.explain.registry import get
from workbench.explain.targets import Class, Scene, Target, as_target, default_target
from workbench.frameworks.base import Array
from workbench.frameworks.feeding import Feeder

if TYPE_CHECKING:
    from workbench.frameworks import LinearScore
    from workbench.volume import Volume

Box = tuple[tuple[int, ...], tuple[int, ...]]
_PREVIEW_SECONDS = 0.5  # faster than this, the eye gains nothing
_PREVIEW_COST = 5  # intermediate maps may take a sixth of the time at most


class CancelEvent(Protocol):
    """Anything that says whether to stop: a `threading.Event`, or that of another process."""

    def is_set(self) -> bool: ...


def explain(
    model: Any,
    volume: Volume,
    method: str = "grad-cam",
    target: Target | int | str | None = None,
    layer: str | None = None,
    *,
    progress: Callable[..., object] | None = None,
    cancel: CancelEvent | None = None,
    **options: Any,
) -> Explanation:
    """Explain what a model makes of a volume, as a map on the volume's own grid.

    Parameters
    ----------
    model : Model
    volume : Volume
        2D or 3D, as `model.predict` takes it.
    method : str
        One of `explain.methods()`.
    target : Target, int or str, optional
        What is explained: a class (index, name or `explain.Class`), `explain.Region`, `explain.Voxel`.
        Default: the predicted class; for segmentation, the most frequent foreground label of the prediction.
    layer : str, optional
        For methods that need one, a name from `model.layers()`. Default: `model.default_layer()`.
    progress : callable, optional
        Called with the fraction done (0 to 1); if it takes two positional arguments, also with the map so far as a
        Volume on the input's grid, or None where there is no new one.
    cancel : threading.Event, optional
        Looked at after every batch, and on PyTorch between the layers of the network too.
    **options
        Those of the method (``help(wb.explain)`` lists them). For every method `activation`: what is explained is the
        raw score (``"none"``) or the probability (``"softmax"``, ``"sigmoid"``). For methods that look at a part of
        the input `within`: a label Volume of which the bounding box counts, or a pair ``(start, stop)`` in voxels.

    Raises
    ------
    InputError
        Unknown method, option, layer, class; a target outside of the volume.
    StateError
        If the volume does not fit into memory: the network is given it in one piece, without sliding windows.
    Cancelled
        If `cancel` was set before the map was finished.
    """
    return make(model, volume, method, target, layer, options, progress=progress, cancel=cancel)


def progressive(
    model: Any,
    volume: Volume,
    method: str = "occlusion",
    target: Target | int | str | None = None,
    layer: str | None = None,
    **options: Any,
) -> Iterator[tuple[float, Explanation]]:
    """Yield ``(fraction, explanation so far)`` coarse to fine; the last one, at fraction 1, is exact.

    Stop iterating to give up. Parameters as in `explain`.
    """
    task = _Task(model, volume, method, target, layer, options)
    for step in task.steps():
        yield step.fraction, task.finish(step)


def make(
    model: Any,
    volume: Volume,
    method: str,
    target: Target | int | str | None,
    layer: str | None,
    options: Mapping[str, Any],
    *,
    progress: Callable[..., object] | None = None,
    cancel: CancelEvent | None = None,
    schedule: Sequence[Sequence[Any]] = (),
) -> Explanation:
    """Do what `explain` does; `schedule` is what an earlier run has recorded, to be followed."""
    report = _Reporter(progress)
    _check_cancelled(cancel, 0)
    with _interruptible(model, cancel):
        task = _Task(model, volume, method, target, layer, options, schedule=schedule)
        report(0.0, lambda: None)
        for step in task.steps():
            if step.fraction < 1:
                report(step.fraction, lambda step=step: task.restore(step))  # type: ignore[misc]
                _check_cancelled(cancel, step.fraction)
        result = task.finish(step)
    report(1.0, lambda: result.volume)
    return result


def _interruptible(model: Any, cancel: CancelEvent | None) -> AbstractContextManager[None]:
    if cancel is None or not hasattr(model, "framework"):
        return contextlib.nullcontext()
    interrupted: AbstractContextManager[None] = model.framework.interruptible(model.module, cancel.is_set)
    return interrupted


class _Task:
    """One explanation in the making: input prepared, target resolved, options checked."""

    def __init__(
        self,
        model: Any,
        volume: Volume,
        method: str,
        target: Target | int | str | None,
        layer: str | None,
        options: Mapping[str, Any],
        *,
        schedule: Sequence[Sequence[Any]] = (),
    ) -> None:
        if not hasattr(model, "prepare"):
            raise InputError(f"What is explained is a Model (wb.zoo.create, run.model()), got {type(model).__name__}.")
        self.model, self.volume = model, volume
        self.explainer = get(method)
        self.explainer.check_framework(model.framework.name)
        self.layer = _choose_layer(self.explainer, model, layer)
        options = dict(options)
        self.within = _input_box(self.explainer, options.pop("within", None), volume)
        self.options = self.explainer.check_options(options)
        asked = as_target(target)

        model.framework.check_finite(model.module)
        with self._fitting():
            self.prepared = model.prepare(volume)
        config = json.dumps(model.config, sort_keys=True, default=str)
        self.feeder = Feeder(
            model.framework,
            model.module,
            tuple(self.prepared.array.shape),
            (model.framework.name, str(model.device), model.algorithm.name, config, self.explainer.name),
            size=self.options.get("batch_size"),
            schedule=schedule,
            refusal=lambda: does_not_fit(self.prepared.spatial_shape),
        )
        outputs = self.feeder.once(lambda: model.forward(self.prepared.batch))
        with self._fitting():
            scene = Scene(model, volume, self.prepared, outputs)
            resolved = (asked if asked is not None else default_target(scene)).resolve(scene)
            score = dataclasses.replace(resolved.score, activation=self.options["activation"])
            self.score = evaluate(score, scene.outputs)
        self.target, self.notes = resolved.target, resolved.notes
        self.grid = scene.grid
        self.problem = Problem(
            framework=model.framework,
            module=model.module,
            input=self.prepared.batch,
            score=score,
            options=self.options,
            spacing=tuple(self.grid.spacing),
            feeder=self.feeder,
            layer=self.layer,
            box=_network_box(self.within, volume, self.grid),
        )

    def steps(self) -> Iterator[Step]:
        with self._fitting():
            yield from self.explainer.steps(self.problem)

    def _fitting(self) -> AbstractContextManager[None]:
        return fitting(self.model.framework, self.volume.spatial_shape)

    def restore(self, step: Step) -> Volume:
        with self._fitting():
            values = step.make_map()
            restored: Volume = self.prepared.restore(np.asarray(values, np.float32), kind="scores", order=1)
        if self.within is None:
            return restored
        # interpolation between the grids may have carried values over the edge of the box
        inside = tuple(slice(start, stop) for start, stop in zip(*self.within, strict=True))
        data = np.zeros_like(restored.data)
        data[inside] = restored.data[inside]
        return restored.with_data(data)

    def finish(self, step: Step) -> Explanation:
        from workbench import __version__

        shapes = zip(self.grid.spatial_shape, step.native_shape, strict=True)
        cells = step.cell or tuple(size / cells for size, cells in shapes)
        within = {} if self.within is None else {"within": [list(corner) for corner in self.within]}
        volume = self.restore(step)
        notes = (*self.prepared.notes, *self.notes, *step.notes)
        if not step.notes and not np.any(volume.data):
            notes += ("The map is zero: nothing that was changed in the input changes this score.",)
        return Explanation(
            volume=volume,
            method=self.explainer.name,
            layer=self.layer,
            target=self.target,
            options={**self.options, **within},
            score=self.score,
            native_resolution=step.native_shape,
            native_spacing=tuple(round(a * b, 6) for a, b in zip(cells, self.grid.spacing, strict=True)),
            weights_fingerprint=self.model.weights_fingerprint(),
            input_fingerprint=self.volume.fingerprint(),
            algorithm=self.model.algorithm.name,
            framework=self.model.framework.name,
            device=str(self.model.device),
            versions={"workbench": __version__, **self.model.framework.versions()},
            notes=notes,
            schedule=[list(entry) for entry in self.feeder.schedule],
            _model=self.model,
            _input=self.volume,
        )


def predicted_target(model: Any, volume: Volume) -> Class:
    """Return what is explained when no target is given: the predicted class, or the most frequent foreground label."""
    with fitting(model.framework, volume.spatial_shape):
        prepared = model.prepare(volume)
        return default_target(Scene(model, volume, prepared, model.forward(prepared.batch)))


def evaluate(score: LinearScore, outputs: Any) -> float:
    """Return the value of a score for the outputs of one sample."""
    values = np.asarray(outputs if score.output is None else outputs[score.output], np.float64)[0]
    if score.activation == "softmax":
        values = np.exp(values - values.max(axis=0))
        values /= values.sum(axis=0)
    elif score.activation == "sigmoid":
        values = 1 / (1 + np.exp(-values))
    return float((values * score.weights).sum())


def _choose_layer(explainer: Explainer, model: Any, layer: str | None) -> str | None:
    if not explainer.needs_layer:
        if layer is not None:
            raise InputError(f"The method {explainer.name!r} looks at no layer, but layer is {layer!r}. Leave it out.")
        return None
    names = [info.name for info in model.layers()]
    return choose(layer, names, "layer") if layer is not None else str(model.default_layer())


def _input_box(explainer: Explainer, within: Any, volume: Volume) -> Box | None:
    """Return a bounding box in voxels of the input volume, start and stop."""
    if within is None:
        return None
    if not explainer.supports_box:
        check_keywords(["within"], explainer.check_options({}), f"The method {explainer.name!r}")
    within = getattr(within, "volume", within)
    if hasattr(within, "resample_like"):
        inside = np.argwhere(np.asarray(within.data) != 0)
        if not len(inside):
            raise InputError("within= must mark at least one voxel, but the Volume is zero everywhere.")
        low, high = inside.min(axis=0)[: within.spatial_ndim], inside.max(axis=0)[: within.spatial_ndim] + 1
        start, stop = (low, high) if within.same_grid(volume) else _map_box((low, high), within, volume)
    else:
        try:
            start, stop = (np.array([int(i) for i in corner]) for corner in within)
        except (TypeError, ValueError):
            raise InputError(
                f"within= is a label Volume or a pair (start, stop) of voxels, but is {within!r}."
            ) from None
        if len(start) != volume.spatial_ndim or len(stop) != volume.spatial_ndim:
            raise InputError(f"within= needs {volume.spatial_ndim} indices per corner, but is {within!r}.")
    start, stop = np.maximum(start, 0), np.minimum(stop, volume.spatial_shape)
    if (start >= stop).any():
        raise InputError(
            f"within= must overlap with the volume of {volume.spatial_shape} voxels, but runs from "
            f"{start.tolist()} to {stop.tolist()}."
        )
    return tuple(start.tolist()), tuple(stop.tolist())


def _network_box(box: Box | None, volume: Volume, grid: Volume) -> Box | None:
    if box is None:
        return None
    low, high = _map_box((np.array(box[0]), np.array(box[1])), volume, grid)
    start, stop = np.maximum(low, 0), np.minimum(high, grid.spatial_shape)
    if (start >= stop).any():
        raise InputError(f"within= from {box[0]} to {box[1]} lies outside of what the network sees.")
    return tuple(start.tolist()), tuple(stop.tolist())


def _map_box(box: tuple[Array, Array], source: Volume, target: Volume) -> tuple[Array, Array]:
    """Return the smallest box of whole voxels of `target` that holds a box of voxels of `source`."""
    edges = itertools.product(*zip(box[0] - 0.5, box[1] - 0.5, strict=True))
    corners = target.to_voxel(source.to_world(np.array(list(edges)))) + 0.5
    tolerance = 1e-6
    low = np.floor(corners.min(axis=0) + tolerance).astype(int)
    high = np.ceil(corners.max(axis=0) - tolerance).astype(int)
    return low, np.maximum(high, low + 1)


class _Reporter:
    """Calls the user's `progress`; makes intermediate maps only if they are wanted, and not more often than pays."""

    def __init__(self, progress: Callable[..., object] | None) -> None:
        self._progress = progress
        self._takes_map = progress is not None and _positional(progress) > 1
        self._next = 0.0

    def __call__(self, fraction: float, preview: Callable[[], Volume | None]) -> None:
        if self._progress is None:
            return
        if not self._takes_map:
            self._progress(fraction)
            return
        started = time.monotonic()
        shown = preview() if fraction == 1 or started >= self._next else None
        if shown is not None:
            ended = time.monotonic()
            self._next = ended + max(_PREVIEW_SECONDS, _PREVIEW_COST * (ended - started))
        self._progress(fraction, shown)


def _positional(function: Callable[..., object]) -> int:
    """Return how many positional arguments a function takes."""
    try:
        kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):  # a builtin without a signature
        return 1
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 2
    return sum(k in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD} for k in kinds)


def _check_cancelled(cancel: CancelEvent | None, fraction: float) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled(f"The explanation was cancelled at {fraction:.0%}; start it again to finish it.")
