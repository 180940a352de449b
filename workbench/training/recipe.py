"""Recipe: everything that decides a training run, as plain data that can be read, edited, saved and compared."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from workbench import _atomic, frameworks
from workbench.errors import FileError, InputError, check_keywords, check_suffix
from workbench.parameters import Parameter
from workbench.signatures import Field as Shown
from workbench.signatures import Range, of_model

if TYPE_CHECKING:
    from workbench.zoo.planning import Plan


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _said_well(error, type(self), values) from None

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            raise _said_well(error, type(self), {name: value}) from None

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag_is_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and _parameters(cls)[str(info.field_name)].kind in ("integer", "number"):
            raise ValueError
        return value


@functools.cache
def _parameters(model: type[BaseModel]) -> dict[str, Parameter]:
    return of_model(model)


_Share = Annotated[float, Field(ge=0, lt=1)]


class Optimizer(_Plain):
    """How the weights are moved.

    Attributes
    ----------
    name : {"adam", "adamw", "sgd"}
    lr : float
        Learning rate at the schedule's height: how far one step moves the weights.
    weight_decay, momentum, betas, nesterov
        As in torch; `momentum` and `nesterov` matter to sgd, `betas` to the adams.
    """

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: Annotated[float, Field(gt=0), Range(log=True), Shown(label="Learning rate")] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    momentum: _Share = 0.9
    betas: tuple[_Share, _Share] = (0.9, 0.999)
    nesterov: bool = False


class Schedule(_Plain):
    """How the learning rate goes over the run.

    Attributes
    ----------
    name : {"constant", "cosine", "poly", "step"}
    warmup_epochs : float
        Epochs over which it rises linearly to its height; half of the run at most.
    milestones : tuple of float
        For ``step``: the epochs, as shares of the run (0 to 1), after which it is multiplied by `factor`.
    factor : float
        For ``step``: that factor.
    power : float
        For ``poly``: the exponent.
    minimum : float
        Share of the height at which ``cosine`` and ``poly`` end.
    """

    name: Literal["constant", "cosine", "poly", "step"] = "constant"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    milestones: tuple[float, ...] = (0.5, 0.75)
    factor: Annotated[float, Field(gt=0)] = 0.1
    power: Annotated[float, Field(gt=0)] = 0.9
    minimum: Annotated[float, Field(ge=0, le=1)] = 0.0


_MAPPING = Shown(also="a mapping of keys to values")
#: One number for all axes, or one per axis.
Size = Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, max_length=3)]


class Recipe(_Plain):
    """Everything that decides a training run.

    Attributes
    ----------
    algorithm : str
        Name in the zoo.
    options : dict
        Options of its network (width, depth, ...).
    framework, device : str
        Where it runs.
    data : dict
        Specification from which the data set is built again in the worker.
    splits : dict of str to list of int
        Indices of the samples used to train, to choose the best epoch (``val``) and to test; disjoint.
    preprocess : dict
        Specification of `transforms.Preprocess`; the model keeps it, so predictions see the same.
    augment : dict
        Specification of `transforms.Augment`; empty for none.
    loss : dict
        Options of the algorithm's loss, e.g. ``{"class_weights": [1, 3]}``.
    optimizer, schedule : Optimizer, Schedule
        How the weights are moved.
    grad_clip : float or None
        Largest 2-norm of all gradients together; larger ones are scaled down to it.
    epochs : int
        How often each training case is seen.
    batch_size : int
        How many cases make one step; fewer need less memory.
    patch_size : int, tuple of int or None
        Train on random crops: axes longer than this (voxels after preprocessing) are cut to it. One number holds for
        all axes.
    patches_per_sample : int
        Crops drawn from each sample per epoch.
    foreground : float
        Share of the crops that are centred on a labelled voxel.
    seed : int
        Decides initial weights, order, augmentation and dropout: the same seed gives the same run.
    init : str or None
        Model file to start from (fine-tuning).
    into : str or None
        Take `init` for weights of the encoder alone ("encoder"), or of the part of that name; see `Model.load`.
    freeze : tuple of str
        Patterns of layers that keep their weights: ``encoder.*``, or a regular expression as ``re:...``.
    monitor : str
        Validation score that picks the best epoch: ``val/dice``, ``val/auc``, ...
    mode : {"max", "min"}
        Whether more or less of it is better.
    validate_every : int
        Epochs between validations.
    checkpoint_every : int or None
        Epochs between the weights that are kept (None: about twenty over the run).
    checkpoint_seconds : float
        Longest time between the states a run can be resumed from.
    checkpoint_steps : int or None
        Most steps between them.
    log_every : int
        Steps between two lines of the metrics.
    deterministic : bool
        Use only algorithms that give the same bits every time.
    compiled : bool
        On MindSpore: compile the network at the first step, which takes seconds and makes the others quicker. Off to
        train in PyNative mode, such as to look into a network with a debugger.
    num_threads : int or None
        CPU threads (None: the physical cores this process may use).
    cache_bytes : int or None
        Memory for preprocessed samples (None: a quarter of what is free, 4 GB at most).
    """

    algorithm: str
    options: Annotated[dict[str, Any], _MAPPING] = {}
    framework: str = frameworks.DEFAULT
    device: str = "cpu"
    data: Annotated[dict[str, Any], _MAPPING] = {}
    splits: Annotated[dict[str, list[int]], Shown(also="a mapping of split to indices of samples")] = {}
    preprocess: Annotated[dict[str, Any], _MAPPING] = {}
    augment: Annotated[dict[str, Any], _MAPPING] = {}
    loss: Annotated[dict[str, Any], _MAPPING] = {}
    optimizer: Annotated[Optimizer, Shown(also="an Optimizer, its name, or a mapping of its keys to values")] = (
        Optimizer()
    )
    schedule: Annotated[Schedule, Shown(also="a Schedule, its name, or a mapping of its keys to values")] = Schedule()
    grad_clip: Annotated[float | None, Field(gt=0)] = None
    epochs: Annotated[int, Field(ge=1)] = 10
    batch_size: Annotated[int, Field(ge=1), Shown(label="Batch")] = 8
    patch_size: Size | None = None
    patches_per_sample: Annotated[int, Field(ge=1)] = 1
    foreground: Annotated[float, Field(ge=0, le=1)] = 0.5
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    init: str | None = None
    into: str | None = None
    freeze: Annotated[tuple[str, ...], Shown(placeholder="encoder.*")] = ()
    monitor: str = "val/dice"
    mode: Literal["max", "min"] = "max"
    validate_every: Annotated[int, Field(ge=1)] = 1
    checkpoint_every: Annotated[int | None, Field(ge=1)] = None
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 30.0
    checkpoint_steps: Annotated[int | None, Field(ge=1)] = None
    log_every: Annotated[int, Field(ge=1)] = 1
    deterministic: bool = True
    compiled: bool = True
    num_threads: Annotated[int | None, Field(ge=1)] = None
    cache_bytes: Annotated[int | None, Field(ge=0)] = None

    _reasons: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        _check_transforms(self)

    @field_validator("patch_size", mode="before")
    @classmethod
    def _one_is_a_size(cls, value: Any) -> Any:
        return (value,) if isinstance(value, Integral) and value is not True else value

    @model_validator(mode="after")
    def _splits_are_disjoint(self) -> Self:
        seen: dict[int, str] = {}
        for name, indices in self.splits.items():
            for index in indices:
                if seen.setdefault(index, name) != name:
                    raise InputError(
                        f"Recipe: splits must be disjoint, but sample {index} is in {seen[index]!r} and in {name!r}. "
                        "Leave it out of one."
                    )
        return self

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """Read a recipe from a JSON or YAML file.

        Raises
        ------
        FileError
            If there is no such file or it is neither.
        InputError
            If a key is unknown or a value breaks its rule; the message names the key.
        """
        path = Path(path)
        return cls(**read_mapping(path))

    def write(self, path: str | Path) -> Path:
        """Write the recipe as JSON, or as YAML if the name ends in ``.yaml`` or ``.yml``.

        Raises
        ------
        InputError
            If the name ends as that of another kind of file.
        """
        path = Path(path)
        check_suffix(path, (".json", ".yaml", ".yml"), "A recipe")
        values = self.model_dump(mode="json")
        if path.suffix in (".yaml", ".yml"):
            import yaml

            text = yaml.safe_dump(values, sort_keys=False)
        else:
            text = json.dumps(values, indent=1)
        _atomic.write_text(path, text)
        return path

    @property
    def reasons(self) -> dict[str, str]:
        """Why values were proposed, by key; of a recipe that was just planned (`workbench.training.plan`)."""
        return dict(self._reasons)

    def give_reasons(self, reasons: Mapping[str, str]) -> None:
        """Note why values were proposed; no file keeps that."""
        self._reasons = dict(reasons)

    def kept_every(self) -> int:
        """Epochs between the checkpoints that are kept."""
        return self.checkpoint_every or -(-self.epochs // 20)

    def _shown(self) -> dict[str, Any]:
        return {k: v for k, v in self.model_dump(exclude_defaults=True).items() if k not in ("splits", "data")}

    def __repr__(self) -> str:
        return "Recipe(" + ", ".join(f"{key}={value!r}" for key, value in self._shown().items()) + ")"

    def __str__(self) -> str:
        return repr(self.as_plan()) if self._reasons else repr(self)

    def _repr_html_(self) -> str:
        return self.as_plan()._repr_html_()

    def as_plan(self) -> Plan:
        """Return what was proposed, with reasons, and what differs from the defaults."""
        from workbench.zoo.planning import Plan

        proposed = {key: getattr(self, key) for key in self._reasons}
        return Plan({**self._shown(), **proposed}, self._reasons)


def _check_transforms(recipe: Recipe) -> None:
    """Raise if preprocessing or augmentation are none; whether axes fit the images is known with the data alone."""
    from workbench.transforms import Augment, Preprocess

    Preprocess(recipe.preprocess)
    Augment(recipe.augment, 3)


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in a JSON or YAML file.

    Raises
    ------
    FileError
        If there is no such file, or it does not hold a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".yaml", ".yml"):
            import yaml

            try:
                values = yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ValueError(str(error)) from error
        else:
            values = json.loads(text)
    except OSError as error:
        raise FileError(f"A recipe must be a readable JSON or YAML file: {path} ({error.strerror}).") from error
    except ValueError as error:
        raise FileError(f"A recipe must be JSON or YAML; {path.name} is not ({error}).") from error
    if not isinstance(values, dict):
        raise FileError(f"A recipe must hold keys and values; {path.name} holds a {type(values).__name__}.")
    return values


def _said_well(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]) -> InputError:
    """Turn pydantic's account into ours: the key, the rule, the value, what to do, and the nearest valid key."""
    owner = "Recipe" if model is Recipe else f"Recipe.{model.__name__.lower()}"
    said = []
    for item in error.errors():
        ours = item.get("ctx", {}).get("error")
        if isinstance(ours, InputError):  # of a part, or of what no single key decides
            said.append(str(ours))
            continue
        key = str(item["loc"][0])
        try:
            check_keywords([key], model.model_fields, owner)
        except InputError as told:
            return told
        parameter = _parameters(model)[key]
        if item["type"] == "missing" and len(item["loc"]) == 1:
            said.append(f"{owner} needs {key!r}: {parameter.rule}. Give it: {key}=...")
        else:
            said.append(str(parameter.refused(values[key], owner)))
    return InputError(" ".join(dict.fromkeys(said)))
