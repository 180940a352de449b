"""The contract of a viewer backend, and where backends are found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from workbench.errors import MissingExtraError, StateError, choose
from workbench.widgets.layer import Layer

_OWN = {
    "itk": "workbench.widgets.backends.itk:ItkBackend",
    "itkwidgets": "workbench.widgets.backends.itkwidgets:ItkWidgetsBackend",
    "matplotlib": "workbench.widgets.backends.matplotlib:MatplotlibBackend",
    "napari": "workbench.widgets.backends.napari:NapariBackend",
    "niivue": "workbench.widgets.backends.niivue:NiivueBackend",
}


class Backend(ABC):
    """A program that can show layers.

    The contract, which every backend's tests inherit (``tests/widgets/contract.py``): layers lie where their affines
    say, in RAS mm; the first is at the bottom; what is not visible is not drawn; opacity, window and colour map are
    those of the layer; an unknown option is an `InputError` that names it; no network is used, but by the
    program that ``itkwidgets`` fetches.
    """

    #: Name by which `view` finds it.
    name: str
    #: Module that must be importable, and the extra that brings it.
    requires: str = ""
    extra: str = ""

    def installed(self) -> bool:
        """Tell whether what it needs is installed (nothing is imported)."""
        return not self.requires or find_spec(self.requires) is not None

    def check_installed(self) -> None:
        """Raise a `MissingExtraError` if it is not installed."""
        if not self.installed():
            raise MissingExtraError(f"The {self.name} viewer", self.extra)

    @abstractmethod
    def open(self, layers: Sequence[Layer], **options: Any) -> Any:
        """Show `layers` and return the viewer."""


def names() -> list[str]:
    """Return the names of all backends, ours and those that installed packages register."""
    return sorted({*_OWN, *_foreign()})


def get(name: str) -> Backend:
    """Return the backend called `name`, ready to open layers.

    Raises
    ------
    InputError
        If there is no such backend.
    MissingExtraError
        If it is not installed.
    """
    choose(name, names(), "viewer backend")
    if name in _OWN:
        module, _, attribute = _OWN[name].partition(":")
        backend = getattr(import_module(module), attribute)()
    else:
        backend = _foreign()[name].load()()
    if not isinstance(backend, Backend):
        raise StateError(
            f"The viewer backend {name!r} must be a `workbench.widgets.backends.Backend`, got {backend!r}."
        )
    backend.check_installed()
    return backend


@cache
def _foreign() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="workbench.viewers")}
