"""The algorithm of a model that was made elsewhere: a card, a task, and a network that is there already."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import InputError, StateError
from workbench.parameters import Parameter
from workbench.transforms import Preprocess
from workbench.zoo.algorithm import Algorithm
from workbench.zoo.card import Card, Paper, Port
from workbench.zoo.card import Count as Size
from workbench.zoo.planning import UNKNOWN, Facts, Plan
from workbench.zoo.tasks import Task

#: What the names of these algorithms begin with: none in the catalogue does.
OWN = "own-"


class ForeignCard(Card):
    """The card of a model that was made elsewhere, of which nobody need have said where it was published."""

    paper: Paper | None = None  # type: ignore[assignment]
    cited: str = ""

    @property
    def reference(self) -> str:
        """What to cite, where that is known."""
        return self.cited


class ForeignAlgorithm(Algorithm):
    """What a model that was made elsewhere has in the place of an entry of the zoo.

    Parameters
    ----------
    card : ForeignCard
    task : Task
    sizes : (int, int)
        Multiple and minimum of the voxels along each axis of the network's input.
    layer : str
        The layer that is looked at when no other is named; empty where none is known.
    preprocess : mapping
        What is done to a volume before the network sees it.
    notes : tuple of str
        What was found out or taken for granted; every map says it.
    """

    def __init__(
        self,
        card: ForeignCard,
        task: Task,
        sizes: tuple[int, int],
        layer: str,
        preprocess: Mapping[str, Any],
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(card.name, Path())
        self.card = card
        self.task = task
        self.notes = tuple(notes)
        self._sizes, self._layer, self._preprocess = sizes, layer, dict(preprocess)

    @property
    def network(self) -> Any:
        """There is no definition to make another network of."""
        raise self._cannot("built")

    def options(self) -> dict[str, Parameter]:
        """Return no options: the network is as it is."""
        return {}

    def sizes(self, config: Mapping[str, Any]) -> tuple[int, int]:  # noqa: ARG002
        """Return (multiple, minimum) of the voxels along each axis of the network's input."""
        return self._sizes

    def window(self, config: Mapping[str, Any]) -> int | None:  # noqa: ARG002
        """Return None: images that fit are taken whole."""
        return None

    def default_layer(self, config: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return the layer that is looked at when no other is named.

        Raises
        ------
        InputError
            If none is known.
        """
        if not self._layer:
            raise InputError(
                f"{self.name}: layer must be named, as none was found that keeps places apart. Give layer=, one of "
                "model.layers(), or a method that needs none: saliency, integrated-gradients, occlusion."
            )
        return self._layer

    def preprocess(self, config: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return what is done to a volume before the network sees it."""
        return Preprocess(self._preprocess, divisible_by=self._sizes[0]).spec

    def check_elsewhere(self) -> None:
        """Refuse: only the process that has the network can ask it."""
        raise InputError(
            f"{self.name}: model must be one that another process can make, got a network that exists in this process "
            "alone. Leave out background=True, or run the request here."
        )

    def channels_remedy(self, channels: int) -> str:  # noqa: ARG002
        """Return what to do about images with another number of channels than the network takes."""
        return "Choose channels; for a network that looks at neighbouring slices, each of them is a channel."

    def blank(self, model: Any, seed: int) -> Any:
        """Return a copy of the network in which the values of each weight have changed places."""
        module = model.framework.copied(model.module)
        rng = np.random.default_rng(seed)
        mixed = {name: rng.permutation(value.ravel()).reshape(value.shape) for name, value in model.state().items()}
        model.framework.load_state(module, mixed)
        return module

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002
        """Refuse: it is trained where it was made."""
        raise self._cannot("trained")

    def _cannot(self, what: str) -> StateError:
        return StateError(
            f"{self.name} is a network of your own, which cannot be {what} here. Make it an algorithm of the zoo "
            "(docs/adding-an-algorithm.md)."
        )


def card_of(
    name: str, kind: str, dimensions: int, in_channels: int, num_classes: int, parameters: int, **known: Any
) -> ForeignCard:
    """Return the card of a network.

    Parameters
    ----------
    name : str
        What the network is called, as its class is.
    kind : str
        That of the task.
    **known
        ``reference`` and ``licence``, where they are known.
    """
    axes = ", ".join("ijk"[:dimensions])
    return ForeignCard(
        name=own_name(name),
        title=name,
        summary="A network that was made elsewhere.",
        task=kind,
        dimensions=dimensions,  # type: ignore[arg-type]
        inputs=(Port(name="image", shape=f"[n, {in_channels}, {axes}]", range="as preprocessing gives it"),),
        outputs=(Port(name="output", shape=f"of {num_classes}", range="as the network gives it"),),
        parameters=(Size(options={}, in_channels=in_channels, num_classes=num_classes, count=parameters),),
        licence=known.get("licence") or "not known here",
        cited=known.get("reference", ""),
    )


def own_name(name: str) -> str:
    """Return a name such as "own-my-net" of one such as "MyNet"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    plain = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    return f"{OWN}{plain or 'network'}"
