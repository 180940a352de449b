"""Choice: an algorithm with weights from somewhere, on a device; plain data, from which the model is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import frameworks, zoo
from workbench.widgets.code import call, path_code
from workbench.zoo.metadata import parse_metadata
from workbench.zoo.shipped import place_of

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.zoo import Model

_OWN = ("in_channels", "num_classes")


@dataclass(frozen=True)
class Choice:
    """What model is to be used.

    Attributes
    ----------
    algorithm, framework, device : str
    in_channels : int
    classes : tuple of str
        Empty where they have no names; `num_classes` counts them.
    options : mapping
        Options of the network that differ from its defaults.
    origin : {"new", "trained", "file", "run", "own"}
        Where the weights come from: nowhere, a trained model that comes along, a file, a run; or the model is there
        already.
    name : str
        Of a trained model that comes along.
    file : Path or None
        The weights, where they come from a file.
    run, epoch : Run, int or "last"
        The run they come from, and after which epoch.
    made : Model or None
        The model itself, where it is there already.
    """

    algorithm: str
    framework: str = frameworks.DEFAULT
    device: str = "cpu"
    in_channels: int = 1
    num_classes: int = 2
    classes: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "new"
    name: str = ""
    file: Path | None = None
    run: Run | None = None
    epoch: int | str | None = None
    made: Model | None = None

    @classmethod
    def of_trained(cls, name: str, **where: Any) -> Choice:
        """Return a trained model that comes along (`workbench.zoo.trained`).

        Raises
        ------
        InputError
            If there is none of that name.
        """
        return cls(**_facts(place_of(name)), **where, origin="trained", name=name)

    @classmethod
    def of_file(cls, path: str | Path, **where: Any) -> Choice:
        """Return the model that a weights file holds.

        Raises
        ------
        FileError
            If the file does not say which model it is of.
        """
        place = Path(path).expanduser().resolve()
        return cls(**_facts(place), **where, origin="file", file=place)

    @classmethod
    def of_run(cls, run: Run, **where: Any) -> Choice:
        """Return the model of a run as it is now: its best epoch, or the newest while nothing was validated.

        Raises
        ------
        StateError
            If it has learned nothing yet.
        """
        checkpoint, recipe = run.checkpoint(), run.recipe
        place = {"framework": recipe.framework, "device": recipe.device, **where}
        # a run that was stopped in the middle of an epoch is taken from where it was stopped
        epoch = "last" if checkpoint.position.step else checkpoint.position.epoch
        return cls(**_facts(checkpoint.model_path), **place, origin="run", run=run, epoch=epoch)

    @classmethod
    def of_model(cls, model: Model) -> Choice:
        """Return a model that is there already, such as `workbench.wrap` makes of a network."""
        sizes: dict[str, Any] = {"in_channels": model.in_channels, "num_classes": model.num_classes}
        where: dict[str, Any] = {"framework": model.framework.name, "device": model.device}
        return cls(model.name, classes=model.classes, **sizes, **where, origin="own", made=model)

    @property
    def card(self) -> zoo.Card:
        """The algorithm's card."""
        if self.made is not None:
            return self.made.algorithm.card
        return zoo.card(self.algorithm)

    @property
    def sized_by_data(self) -> bool:
        """Whether channels and classes are those of the data, as no weights decide them."""
        return self.origin == "new"

    @property
    def weights(self) -> str | None:
        """What `workbench.train` takes as `init`; None for new weights."""
        if self.run is not None:
            return str(self._checkpoint())
        return self.name or (str(self.file) if self.file is not None else None)

    def told(self) -> str:
        """Return where the weights come from, in words and without the name of a file."""
        if self.run is not None:
            return f"weights of '{self.run.title}', {'last step' if self.epoch == 'last' else f'epoch {self.epoch}'}"
        if self.made is not None:
            return "a model of your own"
        return {"new": "new weights", "trained": f"trained: {self.name}", "file": "weights from a file"}[self.origin]

    def build(self) -> Model:
        """Make the model.

        Raises
        ------
        FileError, InputError, MissingExtraError
            As `workbench.zoo.create` and `workbench.zoo.load`.
        """
        if self.made is not None:
            return self.made
        where: dict[str, Any] = {"framework": self.framework, "device": self.device}
        if self.run is not None:
            return self.run.model(self.epoch, **where)
        if self.origin != "new":
            return zoo.load(self.name or self.file, **where)  # type: ignore[arg-type]
        return zoo.create(
            self.algorithm,
            in_channels=self.in_channels,
            num_classes=self.num_classes,
            classes=self.classes or None,
            **where,
            **self.options,
        )

    def snippet(self, target: str = "model") -> str:
        """Return code that makes the model, as `target`."""
        if self.made is not None:
            return f"# `{target}` is the model that you gave: {target} = wb.wrap(network, ...)"
        where = {"framework": self.framework, "device": self.device}
        if self.run is not None:
            found = f"Run({path_code(self.run.path)!r})"
            return f"from workbench.training import Run\n\n{call(target, f'{found}.model', epoch=self.epoch, **where)}"
        if self.origin != "new":
            return call(target, "wb.zoo.load", repr(self.name) if self.name else repr(path_code(self.file)), **where)  # type: ignore[arg-type]
        sizes: dict[str, Any] = {"classes": self.classes} if self.classes else {"num_classes": self.num_classes}
        chosen = {**where, "in_channels": self.in_channels, **sizes, **self.options}
        return call(target, "wb.zoo.create", repr(self.algorithm), **chosen)

    def facts(self) -> dict[str, Any]:
        """Return the choice as plain data, without paths."""
        return {
            "algorithm": self.algorithm,
            "framework": self.framework,
            "device": self.device,
            "options": dict(self.options),
            "in_channels": self.in_channels,
            "num_classes": self.num_classes,
            "classes": list(self.classes),
            "weights": self.origin,
            "told": self.told(),
        }

    def _checkpoint(self) -> Path:
        assert self.run is not None
        return self.run.checkpoint(self.epoch).model_path


def _facts(path: Path) -> dict[str, Any]:
    """Return what a weights file says of its model."""
    known = parse_metadata(path)
    config, defaults = known["config"], zoo.algorithm(known["algorithm"]).options()
    changed = {name: value for name, value in config.items() if name in defaults and value != defaults[name].default}
    sizes = {name: int(config[name]) for name in _OWN}
    return {"algorithm": known["algorithm"], "classes": tuple(known["classes"]), "options": changed, **sizes}
