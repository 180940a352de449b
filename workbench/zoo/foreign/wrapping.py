"""A model of a network that was made elsewhere: what is said of it, what is found out, and what has to be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from workbench import frameworks
from workbench.errors import InputError, check_keywords, choose
from workbench.signatures import Range, checked, of_function
from workbench.transforms import Preprocess
from workbench.zoo.foreign.adapter import Found, adapters
from workbench.zoo.foreign.algorithm import ForeignAlgorithm, card_of
from workbench.zoo.foreign.tasks import Final, Reading, task_of
from workbench.zoo.foreign.trying import Trial, made_probabilities, telling_layer, tried
from workbench.zoo.model import Model

if TYPE_CHECKING:
    from workbench.frameworks import Framework
    from workbench.volume import Volume

Kind = Literal["classification", "segmentation", "regression", "maps", "labels"]
#: What is known of preprocessing where nobody said anything.
_AS_IT_IS = {"intensity": {"kind": "none"}}
_UNSAID = "How images are prepared for this network was not said: it saw the voxels as they are."


@checked("wb.wrap()")
def wrap(
    network: Any,
    task: Kind | None = None,
    *,
    in_channels: Annotated[int | None, Range(low=1)] = None,
    classes: int | Sequence[str] | None = None,
    dimensions: Literal[2, 3] | None = None,
    example: Volume | None = None,
    output: str | None = None,
    final: Literal["softmax", "sigmoid"] | None = None,
    final_applied: bool | None = None,
    preprocess: Mapping[str, Any] | None = None,
    orientation: str | None = None,
    spacing: float | Sequence[float] | None = None,
    intensity: str | Mapping[str, Any] | None = None,
    divisible_by: Annotated[int | None, Range(low=1)] = None,
    patch_size: int | Sequence[int] | None = None,
    layer: str | None = None,
    name: str | None = None,
) -> Model:
    """Make a model of a network that was made elsewhere; it predicts and is explained as those of the zoo are.

    What is not said is found out where it can be: dimensions and channels from the first convolution, all else from
    what the network answers to noise. What was found out or taken for granted stands in ``model.algorithm.notes`` and
    in the notes of every map. The network itself stays as it is, and has the modes of its layers back whenever it has
    answered.

    Parameters
    ----------
    network : torch.nn.Module, mindspore.nn.Cell, path or predictor
        A network; a bundle of MONAI (its folder or zip file); a folder of results of nnU-Net v2, or its predictor.
        Of a `Model` this is the model itself.
    task : {"classification", "segmentation", "regression", "maps", "labels"}, optional
        What it answers: a class (or several findings, with ``final="sigmoid"``); a label for every voxel; numbers for
        the image; numbers for every voxel; labels that may lie over one another.
    in_channels : int, optional
        Channels of the images: of a network that looks at neighbouring slices, one for each.
    classes : int or sequence of str, optional
        Names of the classes, labels (the background is the first) or numbers, or how many there are.
    dimensions : {2, 3}, optional
        Of the images.
    example : Volume, optional
        An image of the size that it takes, where it does not take all.
    output : str, optional
        The output that is meant, of a network that returns several; those of a tuple or list are "output 0", ...
    final : {"softmax", "sigmoid"}, optional
        What makes probabilities of that output: of classes that exclude one another, or of each by itself.
    final_applied : bool, optional
        Whether the network does that itself. Then what is explained is the probability.
    preprocess : mapping, optional
        What is done to a volume first, see `workbench.transforms.Preprocess`; by default nothing.
    orientation, spacing, intensity, divisible_by : optional
        The same one by one; of `intensity` the kind is enough ("zscore").
    patch_size : int or sequence of int, optional
        Windows that large images are predicted in.
    layer : str, optional
        The layer that is looked at when no other is named.
    name : str, optional
        What it is called; by default as its class is.

    Raises
    ------
    InputError
        If `network` is nothing that can be wrapped, something has to be said, or does not fit the network.
    FileError, MissingExtraError
        If files of a model cannot be read, or what they need is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(4, 2, 1))
    >>> model = wb.wrap(net, classes=["background", "lesion"], intensity="zscore")
    >>> model
    <Model own-sequential: 3D segmentation, 1 channel -> 2 classes, 122 parameters, torch on cpu>
    >>> why = wb.explain(model, wb.Volume(np.random.rand(12, 10, 8)), "saliency", target="lesion")
    """
    said = {key: value for key, value in locals().items() if key != "network" and value is not None}
    if isinstance(network, Model):
        if said and set(said) != {"example"}:
            raise InputError(
                f"wb.wrap(): {next(iter(said))} must be left out for a Model, which knows it, got one. Leave it out."
            )
        return network
    found = _found(network, said)
    return _made(found, {**found.said, **said})


#: What `wrap` takes beside the network.
OPTIONS = tuple(of_function(wrap, skip=["network"]))


def is_foreign(thing: Any) -> bool:
    """Tell whether something is a model that was made elsewhere, which `wrap` makes a `Model` of."""
    return not hasattr(thing, "prepare") and any(one.takes(thing) for one in adapters())


def _found(thing: Any, said: Mapping[str, Any]) -> Found:
    for adapter in adapters():
        if adapter.takes(thing):
            found = adapter.read(thing, said)
            check_keywords(found.said, OPTIONS, f"What {adapter.name} found")
            return found
    shown = f"{str(thing)!r}" if isinstance(thing, str | Path) else type(thing).__name__
    titles = "; ".join(adapter.title for adapter in adapters())
    raise InputError(f"wb.wrap(): network must be a model that was made elsewhere, got {shown}. Give one of: {titles}.")


def _made(found: Found, said: dict[str, Any]) -> Model:
    """Return the model of a network."""
    framework, network = _framework(found.network), found.network
    ndim, channels = _intake(framework, network, said)
    preprocess, notes = _preprocessing(said, found, ndim)
    trial = tried(
        framework, network, channels, ndim, multiple=said.get("divisible_by"), size=_size_of(preprocess, ndim),
        example=_example_of(preprocess, ndim, said), output=said.get("output"),
    )  # fmt: skip
    if trial.only:
        preprocess["size"] = list(trial.shape)
        notes.append(f"It takes images of {'x'.join(map(str, trial.shape))} voxels; others are brought to that size.")
    kind = _kind(trial, said, notes)
    reading = _reading(trial, kind, framework, network, said, notes)
    classes = _classes(trial, kind, said)
    card = card_of(
        said.get("name") or framework.called(network), kind, ndim, channels, len(classes),
        framework.num_parameters(network), reference=found.reference, licence=found.licence,
    )  # fmt: skip
    layer = said.get("layer")
    if layer is not None:
        choose(layer, [info.name for info in framework.layers(network)], "layer")
    algorithm = ForeignAlgorithm(
        card, task_of(kind, ndim, reading, len(classes)), (trial.multiple, 1),
        layer or telling_layer(trial, ndim), preprocess, (*found.notes, *notes),
    )  # fmt: skip
    config = {"in_channels": channels, "num_classes": len(classes)}
    device = framework.device_of(network)
    return Model(algorithm, framework, device, config, network, classes=classes, patch_size=said.get("patch_size"))


def _framework(network: Any) -> Framework:
    framework = frameworks.of(network)
    if framework is None:
        raise InputError(
            f"An adapter: network must be that of a framework ({', '.join(frameworks.names())}), got "
            f"{type(network).__name__}. Return the network itself."
        )
    return framework


def _intake(framework: Framework, network: Any, said: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many spatial axes and channels the network takes."""
    looked = framework.first_convolution(network)
    example: Volume | None = said.get("example")
    known = example is not None
    ndim = said.get("dimensions") or (looked[0] if looked else example.spatial_ndim if known else None)  # type: ignore[union-attr]
    channels = said.get("in_channels") or (looked[1] if looked else example.num_channels if known else None)  # type: ignore[union-attr]
    for what, value in (("dimensions", ndim), ("in_channels", channels)):
        if value is None:
            raise InputError(
                f"wb.wrap(): {what} must be said for a network without a convolution to look at, got none. "
                f"Give {what}=."
            )
    assert ndim is not None
    assert channels is not None
    if ndim not in (2, 3):
        raise InputError(
            f"wb.wrap(): network must look at images of 2 or 3 dimensions, got one for {ndim}. Give another."
        )
    if looked and looked[0] == ndim and looked[1] != channels:
        raise InputError(
            f"wb.wrap(): in_channels must be {looked[1]}, which its first convolution takes, got {channels}. "
            "Leave it out."
        )
    return int(ndim), int(channels)


def _preprocessing(said: Mapping[str, Any], found: Found, ndim: int) -> tuple[dict[str, Any], list[str]]:
    """Return the preprocessing, and what is to be noted of it."""
    single = {key: said[key] for key in ("orientation", "spacing", "intensity") if key in said}
    if isinstance(single.get("intensity"), str):
        single["intensity"] = {"kind": single["intensity"]}
    given = {**said.get("preprocess", {}), **single}
    made = Preprocess({**_AS_IT_IS, **given})
    made.check_axes(ndim)
    spec = made.spec
    if "divisible_by" in said:
        spec["divisible_by"] = said["divisible_by"]
    return spec, [] if given or found.notes else [_UNSAID]


def _size_of(preprocess: Mapping[str, Any], ndim: int) -> list[int] | None:
    """Return the one size that the network is given, if it is."""
    if preprocess["size"] is None:
        return None
    sizes = [*preprocess["size"]] * (ndim if len(preprocess["size"]) == 1 else 1)
    return [-(-n // preprocess["divisible_by"]) * preprocess["divisible_by"] for n in sizes]


def _example_of(preprocess: Mapping[str, Any], ndim: int, said: Mapping[str, Any]) -> list[int] | None:
    """Return a size that the network will be given, if one is known."""
    if said.get("example") is not None:
        return list(Preprocess(preprocess).apply(said["example"]).spatial_shape)
    patch = said.get("patch_size")
    return None if patch is None else [int(n) for n in np.broadcast_to(patch, ndim)]


def _kind(trial: Trial, said: Mapping[str, Any], notes: list[str]) -> str:
    """Return what the network answers."""
    kind, count = said.get("task"), len(trial.values) if trial.values.ndim else 0
    if not count:
        raise InputError(
            "A network: what it returns must have an axis of classes or numbers behind that of the samples, got none. "
            "Wrap it in a module that adds one: x[:, None]."
        )
    if kind is not None:
        dense = ("segmentation", "maps", "labels")
        if trial.dense != (kind in dense):
            what = "a value for every voxel" if trial.dense else "values for the whole image"
            fitting = dense if trial.dense else ("classification", "regression")
            raise InputError(
                f"wb.wrap(): task must be {' or '.join(fitting)} for a network that returns {what}, got {kind!r}. "
                "Give one of these, or another output=."
            )
        return str(kind)
    if count == 1:
        choices = "segmentation or maps (numbers)" if trial.dense else "classification or regression"
        raise InputError(
            f"wb.wrap(): task must be said for a network with a single output: {choices}, got none. Give task=."
        )
    if said.get("final") == "sigmoid" and trial.dense:
        return "labels"
    kind = "segmentation" if trial.dense else "classification"
    notes.append(f"That it is for {kind} was told from the shape of its output.")
    return kind


def _reading(
    trial: Trial, kind: str, framework: Framework, network: Any, said: Mapping[str, Any], notes: list[str]
) -> Reading:
    """Return how the output is read."""
    if len(trial.outputs) > 1 and "output" not in said:
        notes.append(f"Of its outputs ({', '.join(trial.outputs)}) {trial.main!r} was taken.")
    if kind in ("regression", "maps"):
        if "final" in said or said.get("final_applied"):
            raise InputError(f"wb.wrap(): final must be left out for {kind}, which has no probabilities, got one.")
        return Reading(trial.main)
    usual: Final = "sigmoid" if kind == "labels" or len(trial.values) == 1 else "softmax"
    final: Final = said.get("final", usual)
    applied = said.get("final_applied")
    if applied is None:
        types = {info.name: info.type for info in framework.layers(network)}
        ends = made_probabilities(trial, types)
        if ends is None and trial.dense and trial.values.min() >= 0 and trial.values.max() <= 1:
            # a ReLU or a sigmoid that is no layer: only who wrote it knows
            raise InputError(
                f"wb.wrap(): final_applied must be said for a network whose numbers all lie between 0 and 1, got none. "
                f"Give final_applied=True if it ends with a sigmoid of its own (final={final!r} is not done again), or "
                "final_applied=False if these are logits."
            )
        applied = ends is not None and ends == said.get("final", ends)
        if ends is not None and applied:
            final = ends
            notes.append(
                f"That it ends with {ends} was told from its layers or its output; its probability is explained."
            )
    return Reading(trial.main, final, applied)


def _classes(trial: Trial, kind: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the classes, labels or numbers."""
    count = len(trial.values)
    binary = count == 1 and kind in ("classification", "segmentation")
    wanted = 2 if binary else count
    given = said.get("classes")
    if given is None or isinstance(given, int):
        if given not in (None, wanted):
            raise InputError(f"wb.wrap(): classes must be {wanted}, as the network returns {count}, got {given}.")
        word = {"classification": "class", "segmentation": "label", "labels": "label"}.get(kind, "output")
        names = [f"{word} {index}" for index in range(wanted)]
        return ("background", *names[1:]) if kind == "segmentation" else tuple(names)
    if isinstance(given, str) or len(given) != wanted:
        more = ", the background included" if kind == "segmentation" else ""
        raise InputError(
            f"wb.wrap(): classes must be {wanted} names{more}, as the network returns {count}, got {given!r}."
        )
    return tuple(str(one) for one in given)
