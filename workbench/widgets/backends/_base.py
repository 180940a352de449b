"""The contract of a viewer backend, and where backends are found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from workbench._accepting import instances_of
from workbench._plugins import Registry
from workbench._rooms import classes_in
from workbench.errors import MissingExtraError
from workbench.widgets.layer import Layer


class Backend(ABC):
    """A program that can show layers.

    The contract, which every backend's tests inherit (`workbench.testing.ViewerContract`): layers lie where their
    affines say, in RAS mm; the first is at the bottom; what is not visible is not drawn; opacity, window and colour
    map are those of the layer; an unknown option is an `InputError` that names it; no network is used, but by the
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


#: Every viewer; none is imported before it is asked for. One that is built in is called like its module.
VIEWERS: Registry[Backend] = Registry(
    "workbench.viewers",
    "viewer backend",
    instances_of(Backend),
    builtin=classes_in("workbench.widgets.backends", Backend),
    lazy=True,
)
register = VIEWERS.register


def names() -> list[str]:
    """Return the names of all backends, ours and those that installed packages register."""
    return sorted(VIEWERS.names())


def get(name: str) -> Backend:
    """Return the backend called `name`, ready to open layers.

    Raises
    ------
    InputError
        If there is no such backend.
    MissingExtraError
        If it is not installed.
    StateError
        If the package that should bring it is broken.
    """
    backend = VIEWERS.get(name)
    backend.check_installed()
    return backend
