"""Which methods there are: our own, and those that other packages offer."""

from __future__ import annotations

from workbench._plugins import Registry, instances_of
from workbench.explain.base import Explainer

_OWN = (
    "workbench.explain.grad_cam:GradCAM",
    "workbench.explain.occlusion:Occlusion",
    "workbench.explain.saliency:Saliency",
    "workbench.explain.grad_cam:GradCAMPlusPlus",
    "workbench.explain.grad_cam:HiResCAM",
    "workbench.explain.grad_cam:LayerCAM",
    "workbench.explain.saliency:InputXGradient",
    "workbench.explain.integrated_gradients:IntegratedGradients",
    "workbench.explain.captum_methods:DeepLift",
    "workbench.explain.captum_methods:GuidedBackprop",
)


class Methods(list[Explainer]):
    """The methods that can be chosen, shown as a table."""

    def __repr__(self) -> str:
        rows = ((m.name, "yes" if m.needs_layer else "-", m.summary) for m in self)
        return _table([("method", "layer", "what it shows"), *rows])

    def needs(self) -> str:
        """Return a table of what each method needs (a layer, a framework) and takes: its options and their defaults."""
        return _table([("method", "needs", "options"), *((m.name, _needs(m), _options(m)) for m in self)])


def _table(rows: list[tuple[str, str, str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def _options(explainer: Explainer) -> str:
    defaults = {name: option.default for name, option in explainer.options.items()}
    defaults |= {"within": None} if explainer.supports_box else {}
    return ", ".join(f"{name}={value!r}" for name, value in defaults.items())


def _needs(explainer: Explainer) -> str:
    return ", ".join(["layer"] * explainer.needs_layer + list(explainer.frameworks)) or "-"


#: Every method; `EXPLAINERS.register` adds a class that is written down in a notebook.
EXPLAINERS: Registry[Explainer] = Registry(
    "workbench.explainers", "explanation method", instances_of(Explainer), builtin=_OWN
)
register = EXPLAINERS.register


def methods() -> Methods:
    """Return every method that can be chosen, our own first."""
    return Methods(EXPLAINERS.all().values())


def get(name: str) -> Explainer:
    """Return the method of that name.

    Raises
    ------
    InputError
        If there is none; the message names the nearest one.
    StateError
        If the package that should bring it is broken.
    """
    return EXPLAINERS.get(name)
