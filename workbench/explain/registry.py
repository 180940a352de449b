"""Which methods there are: our own, and those that other packages offer."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from workbench.errors import InputError, choose
from workbench.explain.base import Explainer
from workbench.explain.captum_methods import DeepLift, GuidedBackprop
from workbench.explain.grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM
from workbench.explain.integrated_gradients import IntegratedGradients
from workbench.explain.occlusion import Occlusion
from workbench.explain.saliency import InputXGradient, Saliency

GROUP = "workbench.explainers"
_OWN: tuple[type[Explainer], ...] = (
    GradCAM,
    Occlusion,
    Saliency,
    GradCAMPlusPlus,
    HiResCAM,
    LayerCAM,
    InputXGradient,
    IntegratedGradients,
    DeepLift,
    GuidedBackprop,
)


class Methods(list[Explainer]):
    """The methods that can be chosen, shown as a table."""

    def __repr__(self) -> str:
        rows = [("method", "layer", "what it shows"), *((m.name, _layer(m), m.summary) for m in self)]
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}" for a, b, c in rows)


def _layer(explainer: Explainer) -> str:
    return "yes" if explainer.needs_layer else "-"


def methods() -> Methods:
    """Return every method that can be chosen, our own first."""
    return Methods(_known().values())


def get(name: str) -> Explainer:
    """Return the method of that name.

    Raises
    ------
    InputError
        If there is none; the message names the nearest one.
    """
    known = _known()
    return known[choose(name, known, "explanation method")]


@cache
def _known() -> dict[str, Explainer]:
    known: dict[str, Explainer] = {explainer.name: explainer() for explainer in _OWN}
    for entry in entry_points(group=GROUP):
        explainer = entry.load()()
        if not isinstance(explainer, Explainer):
            raise InputError(
                f"The entry point {entry.name!r} in {GROUP!r} must give a subclass of workbench.explain.Explainer, "
                f"but gives {type(explainer).__name__}. Mend or remove the package {entry.value.split(':')[0]!r}."
            )
        known.setdefault(explainer.name, explainer)
    return known
