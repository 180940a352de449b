"""Explaining in one call: the public functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, overload

from workbench.errors import InputError
from workbench.explain.explanation import Explanation
from workbench.explain.large.looking import Look
from workbench.explain.memory import fitting
from workbench.explain.registry import get
from workbench.explain.request import Request
from workbench.explain.targets import Class, Target, default_target
from workbench.explain.wrapped import as_model, split
from workbench.jobs.resources import Placement
from workbench.signatures import checked
from workbench.work import CancelEvent

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.volume import Volume


@overload
def explain(
    model: Any,
    volume: Volume,
    method: str = "grad-cam",
    target: Target | int | str | None = None,
    layer: str | None = None,
    *,
    progress: Callable[..., object] | None = None,
    cancel: CancelEvent | None = None,
    background: Literal[False] = False,
    **options: Any,
) -> Explanation: ...
@overload
def explain(
    model: Any,
    volume: Volume,
    method: str = "grad-cam",
    target: Target | int | str | None = None,
    layer: str | None = None,
    *,
    progress: Callable[..., object] | None = None,
    cancel: CancelEvent | None = None,
    background: Literal[True] | Placement,
    **options: Any,
) -> Job: ...


@checked("wb.explain()")
def explain(
    model: Any,
    volume: Volume,
    method: str = "grad-cam",
    target: Target | int | str | None = None,
    layer: str | None = None,
    *,
    progress: Callable[..., object] | None = None,
    cancel: CancelEvent | None = None,
    background: bool | Placement = False,
    **options: Any,
) -> Explanation | Job:
    """Explain what a model makes of a volume, as a map on the volume's own grid.

    Parameters
    ----------
    model : Model
        Or a network that was made elsewhere: a ``torch.nn.Module``, a ``mindspore.nn.Cell``, or what else
        `workbench.wrap` takes. What that wants to be told may stand among the options.
    volume : Volume
        2D or 3D, as `model.predict` takes it. Or an array, for a model that neither turns nor resamples its images.
    method : str
        One of `explain.methods()`.
    target : Target, int or str, optional
        What is explained: a class (index, name or `explain.Class`), `explain.Region`, `explain.Voxel`,
        `explain.Margin`, `explain.Box`, `explain.Ellipse`, `explain.Point`, `explain.Instance`, `explain.Count`,
        `explain.Output`.
        Default: the predicted class; for segmentation, the most frequent foreground label of the prediction.
    layer : str, optional
        For methods that need one, a name from `model.layers()`. Default: `model.default_layer()`.
    progress : callable, optional
        Called with the fraction done (0 to 1); if it takes two positional arguments, also with the map so far as a
        Volume on the input's grid, or None where there is no new one.
    cancel : threading.Event, optional
        Looked at after every batch, and on PyTorch between the layers of the network too.
    background : bool or Placement
        Whether a process of its own does it, which goes on when the notebook is closed: the call returns at once with
        the `Job`, whose result is the explanation. It takes one core, so that it is let in beside a training;
        ``wb.jobs.Placement(needs=wb.jobs.Resources(cores=8))`` gives it more.
    **options
        Those of the method (``help(wb.explain)`` lists them). For every method `activation`: what is explained is the
        raw score (``"none"``) or the probability (``"softmax"``, ``"sigmoid"``). And `field`: the network is given the
        whole input where `predict` takes it whole; else the box that a Region or a Voxel depends on, or the windows of
        `predict` (``"auto"``); ``"whole"`` gives it all at once in any case, ``"parts"`` in none. For methods that look
        at a part of the input `within`: a label Volume of which the bounding box counts, or a pair ``(start, stop)`` in
        voxels.

    Returns
    -------
    Explanation or Job
        The job if it is done in the background.

    Raises
    ------
    InputError
        Unknown method, option, layer, class; a target outside of the volume.
    StateError
        If what the network is given at once does not fit into memory.
    Cancelled
        If `cancel` was set before the map was finished.
    """
    placement = Placement.of(background)
    if placement and not (progress is None and cancel is None):
        given = "progress" if cancel is None else "cancel"
        raise InputError(
            f"{given} must be left out with background=True, got one. Ask the job: job.status, job.stop()."
        )
    said, options = split(model, method, options)
    request = Request(as_model(model, volume, said), volume, method, target, layer, options)
    if placement:
        from workbench.explain.background import begin_explanation

        return begin_explanation(request, placement)
    return request.run(progress=progress, cancel=cancel)


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
    said, options = split(model, method, options)
    yield from Request(as_model(model, volume, said), volume, method, target, layer, options).steps()


def predicted_target(model: Any, volume: Volume) -> Class:
    """Return what is explained when no target is given: the predicted class, or the most frequent foreground label."""
    with fitting(model.framework, volume.spatial_shape):
        prepared = model.prepare(volume)
        look = Look.at(model, volume, prepared, None, get("saliency"), "auto", lambda _fraction: None)
        return default_target(look.scene(lambda: model.forward(prepared.batch)))
