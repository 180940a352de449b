"""Algorithm: an entry of the zoo, which is a folder with a card, a network and a task."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.errors import StateError, WorkbenchError, check_keywords, choose, reason
from workbench.parameters import Parameter, by_name, check_values
from workbench.zoo.card import Card, read_card
from workbench.zoo.planning import UNKNOWN, Facts, Plan, fitted
from workbench.zoo.tasks import Task

#: What every network is told beside its own options.
_SIZES = by_name(
    Parameter("in_channels", "integer", 1, "Channels of the images.", low=1),
    Parameter("num_classes", "integer", 2, "Classes; for segmentation the background included.", low=1),
)


class Algorithm:
    """An entry of the zoo.

    Parameters
    ----------
    package : str
        Importable name of the folder. It holds ``card.yaml``; ``network.py`` with ``define(nn, F, ops)``,
        ``sizes(config)`` and ``default_layer(config)`` (and ``window(config)`` where images are always cut to a size);
        ``task.py`` with ``TASK``.
    folder : Path
        Where that is.
    """

    def __init__(self, package: str, folder: Path) -> None:
        self.package = package
        self.folder = folder

    @cached_property
    def card(self) -> Card:
        """What there is to know about it."""
        return read_card(self.folder / "card.yaml")

    @property
    def name(self) -> str:
        """Public name, such as "3d-unet"."""
        return self.card.name

    @cached_property
    def network(self) -> Any:
        """The module with the network's definition."""
        return self._part("network", ("define", "sizes", "default_layer"))

    @property
    def define(self) -> Any:
        """The network in the shared vocabulary: ``define(nn, F, ops)`` returns its class."""
        return self.network.define

    @cached_property
    def task(self) -> Task:
        """Targets, losses, decoding, metrics and plan of training."""
        task = self._part("task", ("TASK",)).TASK
        if not isinstance(task, Task):
            raise StateError(f"{self.package}.task: TASK must be an instance of a Task, got {task!r}. Make one of it.")
        return task

    def options(self) -> dict[str, Parameter]:
        """Return the options of the network, by name."""
        return dict(self.card.options)

    def config(
        self, in_channels: int = 1, num_classes: int = 2, *, variant: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Return the complete keyword arguments of the network.

        Parameters
        ----------
        variant : str, optional
            Named set of options from the card; single options may still be given beside it.

        Raises
        ------
        InputError
            If an option or a value is unknown; the message names the nearest valid one.
        """
        owner = f"The algorithm {self.name!r}"
        check_keywords(options, self.options(), owner)
        preset: Mapping[str, Any] = {}
        if variant is not None:
            preset = self.card.variants[choose(variant, self.card.variants, f"variant of {self.name!r}")]
        sizes = {"in_channels": in_channels, "num_classes": num_classes}
        return check_values({**_SIZES, **self.options()}, {**sizes, **preset, **options}, owner)

    def sizes(self, config: Mapping[str, Any]) -> tuple[int, int]:
        """Return (multiple, minimum) of the voxels along each axis of the network's input."""
        multiple, minimum = self.network.sizes(config)
        return int(multiple), int(minimum)

    def window(self, config: Mapping[str, Any]) -> int | None:
        """Return the size along each axis that images are cut to even where they would fit whole, or None.

        A network whose answer depends on where in its input something lies is asked in windows of the size that it
        was trained on; its module says so by ``window(config)``.
        """
        wanted = getattr(self.network, "window", None)
        return None if wanted is None else int(wanted(config))

    def check_elsewhere(self) -> None:
        """Check that another process can make a model of it.

        Raises
        ------
        InputError
            If its network is in this process alone.
        """

    def channels_remedy(self, channels: int) -> str:
        """Return what to do about images with another number of channels than a model takes."""
        return f"Create the model with in_channels={channels}, or choose channels."

    def blank(self, model: Any, seed: int) -> Any:
        """Return a network like that of a model, its weights drawn from a seed."""
        return model.framework.build(self.define, model.config, model.device, seed)

    def default_layer(self, config: Mapping[str, Any]) -> str:
        """Return the layer whose feature map is looked at when no other is named."""
        return str(self.network.default_layer(config))

    def class_names(self, num_classes: int) -> tuple[str, ...]:
        """Return names for classes that were given none."""
        if self.card.task in ("segmentation", "instances"):
            return ("background", *(f"label {i}" for i in range(1, num_classes)))
        return tuple(f"class {i}" for i in range(num_classes))

    def preprocess(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the default preprocessing of a network of this configuration."""
        from workbench.transforms import Preprocess

        return Preprocess(self.plan()["preprocess"], divisible_by=self.sizes(config)[0]).spec

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return what is proposed for training, from what is known of the data and the machine, each with its reason.

        Parameters
        ----------
        facts : Facts
            ``Facts.of(dataset)``; where nothing is known, what the task says by itself.
        """
        task = self.task
        if type(task).default_recipe is not Task.default_recipe:
            return fitted(Plan.of("as the task's default_recipe says", **task.default_recipe()), facts)
        return fitted(task.plan(facts), facts)

    def __repr__(self) -> str:
        return f"<Algorithm {self.name}: {self.card.title}, {self.card.dimensions}D {self.card.task}>"

    def _part(self, name: str, wanted: tuple[str, ...]) -> Any:
        try:
            module = importlib.import_module(f"{self.package}.{name}")
        except WorkbenchError:
            raise
        except Exception as error:
            raise StateError(
                f"The algorithm {self.name!r} cannot be used: importing {self.package}.{name} raised {reason(error)} "
                "Mend it, or update or uninstall its package."
            ) from error
        for attribute in wanted:
            if not hasattr(module, attribute):
                raise StateError(f"{self.package}.{name} has no {attribute!r}; every algorithm's {name}.py defines it.")
        return module


def split_config(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (in_channels and num_classes, the options) of a configuration."""
    return {k: config[k] for k in _SIZES}, {k: v for k, v in config.items() if k not in _SIZES}
