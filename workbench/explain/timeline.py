"""The attention timeline: how a map moves over the checkpoints of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.explain.explaining import explain, predicted_target
from workbench.explain.targets import Region, Target

if TYPE_CHECKING:
    from workbench.explain.explanation import Explanation
    from workbench.volume import Volume


def over_checkpoints(
    run: Any,
    volume: Volume,
    method: str = "grad-cam",
    target: Target | int | str | None = None,
    layer: str | None = None,
    *,
    epochs: Sequence[int] | None = None,
    **options: Any,
) -> Iterator[tuple[int, Explanation]]:
    """Yield ``(epoch, explanation)`` for the checkpoints of a run, first to last.

    All maps explain the same thing, so that they can be compared: without a target, it is what the last
    checkpoint predicts, and for segmentation the region in which it does.

    Parameters
    ----------
    run : Run
    epochs : sequence of int, optional
        Which checkpoints; all that were kept if not given.
    """
    chosen = list(epochs) if epochs is not None else _whole_epochs(run)
    if not chosen:
        run.checkpoint()  # says why there is none
        raise InputError("A timeline needs at least one epoch, got none. Leave epochs= out to take all that were kept.")
    if target is None:
        target = _shared_target(run.model(epoch=chosen[-1]), volume)
    for epoch in chosen:
        yield epoch, explain(run.model(epoch=epoch), volume, method, target, layer, **options)


def _whole_epochs(run: Any) -> list[int]:
    positions = [checkpoint.position for checkpoint in run.checkpoints()]
    return [position.epoch for position in positions if position.step == 0]


def _shared_target(model: Any, volume: Volume) -> Target:
    target = predicted_target(model, volume)
    prediction = model.predict(volume)
    if getattr(prediction, "kind", "") == "labels" and (prediction.data == target.which).any():
        return Region(prediction, label=target.which)
    return target
