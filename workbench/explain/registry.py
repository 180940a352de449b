"""Which methods there are: our own, and those that other packages offer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from workbench._accepting import instances_of
from workbench._plugins import Registry
from workbench._rooms import classes_in
from workbench._tables import Listing, as_text
from workbench.explain.base import Explainer

#: What lists and cards show of each.
_NEEDS = ("title", "summary")


class Methods(Listing[Explainer]):
    """The methods that can be chosen, shown as a table."""

    head: ClassVar[tuple[str, ...]] = ("method", "layer", "what it shows")

    def row(self, one: Explainer) -> tuple[str, ...]:
        """Return the cells of one method."""
        return one.name, "yes" if one.needs_layer else "-", one.summary

    def needs(self) -> str:
        """Return a table of what each method needs and takes: a layer, a framework; its options and their defaults."""
        return as_text(("method", "needs", "options"), [(m.name, _needs(m), _options(m)) for m in self])


class MethodsOf(Methods):
    """The methods as a table that says of each whether it can explain a model, and why not."""

    head = (*Methods.head[:2], "why not here", Methods.head[2])

    def __init__(self, items: Iterable[Explainer], model: Any) -> None:
        super().__init__(items)
        self._model = model

    def row(self, one: Explainer) -> tuple[str, ...]:
        """Return the cells of one method."""
        name, layer, summary = super().row(one)
        return name, layer, one.misfit(self._model) or "-", summary


def _options(explainer: Explainer) -> str:
    defaults = {name: option.default for name, option in explainer.options.items()}
    defaults |= {"within": None} if explainer.supports_box else {}
    return ", ".join(f"{name}={value!r}" for name, value in defaults.items())


def _needs(explainer: Explainer) -> str:
    return ", ".join(["layer"] * explainer.needs_layer + list(explainer.frameworks)) or "-"


#: Every method; `EXPLAINERS.register` adds a class that is written down in a notebook.
EXPLAINERS: Registry[Explainer] = Registry(
    "workbench.explainers",
    "explanation method",
    instances_of(Explainer, _NEEDS),
    builtin=classes_in("workbench.explain.explainers", Explainer),
)
register = EXPLAINERS.register


def methods(model: Any = None) -> Methods:
    """Return every method that can be chosen, in their `order`: our own first.

    Parameters
    ----------
    model : Model, optional
        Or a network that `workbench.wrap` takes. The table then says of each method that cannot explain it why:
        ``one.misfit(model)`` for each.
    """
    found = sorted(EXPLAINERS.all().values(), key=lambda method: method.order)
    if model is not None and not hasattr(model, "framework"):
        # the zoo is loaded where a network has to be made a model of, and not with the package
        from workbench.zoo.foreign import wrap

        model = wrap(model)
    return Methods(found) if model is None else MethodsOf(found, model)


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
