"""What a map will take before it is made: the method is tried on a small part of the input."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Problem
from workbench.explain.cases import laid
from workbench.explain.large.field import field_and_pieces
from workbench.explain.registry import get
from workbench.explain.request import Request
from workbench.explain.several import steps_of
from workbench.explain.targets import Target
from workbench.frameworks import LinearScore
from workbench.frameworks.feeding import Feeder
from workbench.signatures import checked
from workbench.transforms.prepared import empty
from workbench.zoo.inference import PredictionEstimate

if TYPE_CHECKING:
    from workbench.volume import Volume

#: Voxels of the part that is tried, about: a second or two for a large network on two cores.
_TRIED = 1 << 15
#: A method of many stages is tried for so long, or for two of them.
_TRIED_SECONDS = 2.0
#: Bytes for each voxel that a gradient takes, where nothing is known of the network.
_USUAL_BYTES = 4096.0


@checked("wb.explain.estimate()")
def estimate(
    model: Any,
    volume: Volume,
    method: str = "grad-cam",
    target: Target | int | str | None = None,
    layer: str | None = None,
    **options: Any,
) -> PredictionEstimate:
    """Return what an explanation would take on this device, from a trial on a small part of the volume.

    Parameters are those of `workbench.explain`.

    Returns
    -------
    PredictionEstimate
        In how many windows or pieces the network sees it, how long it takes (about: a person's other work counts, too),
        and how much memory, that of the network included.

    Raises
    ------
    InputError
        As `workbench.explain`, as far as it can be told before the network has looked at the volume.
    """
    request = Request(model, volume, method, target, layer, options)
    explainer, prepared = get(request.method), model.prepare(volume)
    field, pieces, memory = field_and_pieces(
        model, volume, prepared, request.target, explainer, request.options["field"]
    )
    tried, grid = _trial(model, prepared, pieces[0])
    given = {name: value for name, value in request.options.items() if name not in ("within", "field")}
    chosen = layer if layer is not None or not explainer.needs_layer else str(model.default_layer())
    outputs = model.forward(tried)
    named = isinstance(outputs, dict)
    values = np.asarray(outputs["logits"] if named else outputs)
    weights = np.zeros(values.shape[1:], np.float32)
    weights[0] = 1
    spacing = tuple(prepared.grid.spacing)
    feeder = Feeder(model.framework, model.module, tried.shape[1:], object(), size=given.get("batch_size"))
    score = LinearScore(weights, "logits" if named else None)
    problem = Problem(
        model.framework, model.module, tried, score, given, spacing, feeder, chosen, grid=grid,
        lay=lambda other, onto: laid(model, other, onto, tried.shape[1]),
    )  # fmt: skip
    seconds = lasting(step.fraction for step in steps_of(explainer, problem))
    passes = explainer.passes_in(field, spacing, given), explainer.passes(tried.shape[2:], spacing, given)
    voxels = sum(math.prod(shape) for shape in pieces)
    seconds *= voxels / math.prod(tried.shape[2:]) * passes[0] / max(1, passes[1])
    if field.kind == "windows" and request.target is not None and request.target.place(volume, prepared.grid) is None:
        seconds += model.estimate(prepared).seconds
    each = max(math.prod(shape) for shape in pieces)
    own = 4 * math.prod(volume.spatial_shape) + 8 * math.prod(field.shape)
    return PredictionEstimate(len(pieces), 0, seconds, int(each * (memory or _USUAL_BYTES) + own))


def lasting(fractions: Iterable[float], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that a work takes which yields the fraction done of it, from its first stages.

    What comes before the first stage (the choice of a baseline, a network that warms up) is paid once, and says nothing
    of the pace.
    """
    started = clock()
    done: list[tuple[float, float]] = []
    for fraction in fractions:
        done.append((fraction, clock() - started))
        if fraction >= 1 or (len(done) > 1 and done[-1][1] > _TRIED_SECONDS):
            break
    first, last = done[0], done[-1]
    if last[0] >= 1 or len(done) == 1:
        return last[1] / max(last[0], 1e-6)
    pace = (last[1] - first[1]) / max(last[0] - first[0], 1e-6)
    return last[1] + pace * (1 - last[0])


def _trial(model: Any, prepared: Any, shape: tuple[int, ...]) -> tuple[Array, Volume]:
    """Return a small input from the middle of what is prepared, of a size that the network takes, and its grid."""
    whole = prepared.spatial_shape
    if not getattr(model.algorithm.task, "windowed", False):
        return np.asarray(prepared.batch), prepared.grid
    multiple, minimum = model.algorithm.sizes(model.config)
    window = model.algorithm.window(model.config)
    side = round(_TRIED ** (1 / len(whole))) // multiple * multiple
    least = -(-max(minimum, 1) // multiple) * multiple
    size = [n if window else min(n, max(side, least)) for n in shape]
    start = [(n - m) // 2 for n, m in zip(whole, size, strict=True)]
    stop = [a + m for a, m in zip(start, size, strict=True)]
    grid = empty(prepared.grid.grid.crop(start, stop).affine, size)
    return np.ascontiguousarray(prepared.window(start, stop))[np.newaxis], grid
