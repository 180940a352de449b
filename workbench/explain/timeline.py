"""The attention timeline: how a map moves over the checkpoints of a run, and from layer to layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.explain.explainers._attention import attention_layers
from workbench.explain.explaining import explain, predicted_target
from workbench.explain.registry import get
from workbench.explain.targets import Region, Target

if TYPE_CHECKING:
    from workbench.explain.explanation import Explanation
    from workbench.volume import Volume

#: Layers that are looked at where nobody names any.
_MOST_LAYERS = 10


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


def over_layers(
    model: Any,
    volume: Volume,
    method: str = "grad-cam",
    target: Target | int | str | None = None,
    layers: Sequence[str] | str | None = None,
    *,
    progress: Callable[[float], object] | None = None,
    **options: Any,
) -> Iterator[tuple[str, Explanation]]:
    """Yield ``(layer, explanation)`` from the first layer to the last: what is seen early, and what late.

    Parameters
    ----------
    method : str
        One that looks at a layer, or ``"attention-rollout"``, whose maps follow the attention through the first layer,
        the first two, and so on.
    layers : sequence of str, or str, optional
        Which layers, of a method that looks at one; by default up to ten convolutions, evenly over the depth, of which
        those are left out whose output is no map.
    progress : callable, optional
        Called with the fraction of all maps that is done, 0 to 1.

    Raises
    ------
    InputError
        If the method looks at no layers, or none is left.
    """
    asked: list[tuple[str, dict[str, Any]]]
    if method == "attention-rollout":
        if layers is not None:
            raise InputError("over_layers(): layers must be left out of 'attention-rollout', which follows all.")
        names = attention_layers(model.framework, model.module)
        asked = [(name, {"depth": depth}) for depth, name in enumerate(names, start=1)]
    elif get(method).needs_layer:
        target = target if target is not None else _shared_target(model, volume)
        named = [layers] if isinstance(layers, str) else layers
        asked = [(name, {"layer": name}) for name in (_spread(model) if named is None else named)]
    else:
        raise InputError(
            f"over_layers(): method must look at a layer, got {method!r}. Take 'grad-cam', or 'attention-rollout'."
        )
    found = False
    for number, (name, how) in enumerate(asked):

        def tell(done: float, *, number: int = number) -> None:
            if progress is not None:
                progress((number + done) / len(asked))

        try:
            one = explain(model, volume, method, target, **how, progress=tell, **options)
        except InputError:
            if "depth" in how or layers is not None:
                raise
            continue  # nobody named it, and it puts out no map
        found = True
        yield name, one
    if not found:
        raise InputError(f"over_layers(): the model must have a layer that puts out a map, got {model.algorithm.name}.")


def _spread(model: Any) -> list[str]:
    """Return convolutions evenly over the depth, and the usual layer at its place."""
    every = model.layers()
    usual = str(model.default_layer())
    known = [one.name for one in every if (one.leaf and "Conv" in one.type) or one.name == usual]
    count = min(_MOST_LAYERS, len(known))
    chosen = {known[round(n * (len(known) - 1) / max(count - 1, 1))] for n in range(count)} | {usual}
    within = [name for name in known if name in chosen and not name.startswith(f"{usual}.")]
    # what holds other layers is defined before them, and done after them
    inner = [name for name in known if name in chosen and name.startswith(f"{usual}.")]
    at = within.index(usual)
    return [*within[:at], *inner, *within[at:]]


def _whole_epochs(run: Any) -> list[int]:
    positions = [checkpoint.position for checkpoint in run.checkpoints()]
    return [position.epoch for position in positions if position.step == 0]


def _shared_target(model: Any, volume: Volume) -> Target:
    target = predicted_target(model, volume)
    prediction = model.predict(volume)
    if getattr(prediction, "kind", "") == "labels" and (prediction.data == target.which).any():
        return Region(prediction, label=target.which)
    return target
