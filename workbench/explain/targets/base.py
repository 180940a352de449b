"""What every target is: resolved against a scene it becomes one number that a network computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from workbench.errors import InputError
from workbench.explain.box import Box
from workbench.explain.scene import Scene
from workbench.frameworks import LinearScore
from workbench.volume import Volume


@dataclass(frozen=True)
class Resolved:
    """A target made concrete for one scene."""

    score: LinearScore
    target: Target
    notes: tuple[str, ...] = ()
    #: Whether the score is of classes or labels, of which a probability can be taken instead.
    has_probability: bool = True


class Target(ABC):
    """What is explained. Resolved against a `Scene`, it is a weighted sum of the network's outputs."""

    def check(self, model: Any, volume: Volume) -> None:  # noqa: B027 - one of somebody else's may know nothing before
        """Refuse what is known to be wrong before the network has looked at the volume, in the words of `resolve`.

        Raises
        ------
        InputError
            Such as of a class that the model does not have.
        """

    def place(self, volume: Volume, grid: Volume) -> Box | None:  # noqa: ARG002
        """Return the voxels of the network's `grid` that its score is taken from, where these are one place of it.

        None, as here, where they may be anywhere.
        """
        return None

    @abstractmethod
    def resolve(self, scene: Scene) -> Resolved:
        """Return the score, and this target with everything that was left open filled in."""

    @property
    def pointer(self) -> Volume | None:
        """The Volume that it points with, if it does; it is stored in a file of its own, beside the description."""
        return None

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the target as plain data; `from_description` makes it again."""

    @abstractmethod
    def __str__(self) -> str:
        """Return what is explained in a few words."""


def named(which: int | str | None, name: str) -> str:
    """Return a class or label in words."""
    return f"{which} ({name})" if name and name != str(which) else str(which)


def need_segmentation(scene: Scene, target: Target) -> None:
    """Refuse a model that gives one answer for the whole volume.

    Raises
    ------
    InputError
        If it does.
    """
    if not scene.is_segmentation:
        raise InputError(
            f"{type(target).__name__} explains a segmentation, but this model gives one answer for the whole volume. "
            "Explain a class instead (wb.explain.Class)."
        )
