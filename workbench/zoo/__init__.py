"""The zoo: algorithms that are each defined once and run on every framework.

``list()`` shows them, ``card(name)`` tells about one, ``create(name)`` builds one with fresh weights, ``load(path)``
brings one back from a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from workbench import frameworks
from workbench.errors import Cancelled, InputError
from workbench.signatures import Range, checked
from workbench.zoo.algorithm import Algorithm
from workbench.zoo.card import Card, Cards
from workbench.zoo.catalogue import ALGORITHMS, algorithm, card, cards, register
from workbench.zoo.classification import Classification
from workbench.zoo.foreign import OWN, Adapter, wrap
from workbench.zoo.metadata import parse_metadata
from workbench.zoo.model import Model
from workbench.zoo.regression import Regression
from workbench.zoo.shipped import Trained, place_of, trained
from workbench.zoo.tasks import ClassificationTask, Metrics, SegmentationTask, ShapeTask, Task

__all__ = [
    "Adapter",
    "Algorithm",
    "Cancelled",
    "Card",
    "Cards",
    "Classification",
    "ClassificationTask",
    "Metrics",
    "Model",
    "Regression",
    "SegmentationTask",
    "ShapeTask",
    "Task",
    "Trained",
    "algorithm",
    "card",
    "create",
    "list",
    "load",
    "register",
    "trained",
    "wrap",
]


@checked("wb.zoo.create()", "preprocess")
def create(
    name: str,
    framework: str = frameworks.DEFAULT,
    device: str = "cpu",
    in_channels: int = 1,
    num_classes: int = 2,
    *,
    classes: Sequence[str] | None = None,
    preprocess: Mapping[str, Any] | None = None,
    patch_size: int | Sequence[int] | None = None,
    seed: Annotated[int | None, Range()] = 0,
    variant: str | None = None,
    **options: Any,
) -> Model:
    """Build an algorithm with fresh weights.

    Parameters
    ----------
    name : str
        One of ``list()``.
    framework : str
        "torch" or "mindspore".
    device : str
        One of ``workbench.devices()``.
    in_channels, num_classes : int
        Channels of the images; number of classes, for segmentation the background included.
    classes : sequence of str, optional
        Names of the classes; sets `num_classes`.
    preprocess : mapping, optional
        What is done to a volume before the network sees it (default: the algorithm's own).
    patch_size : int or sequence of int, optional
        Size of the windows that large images are predicted in; one number holds for all axes.
    seed : int, optional
        Seed of the weights; None draws others every time.
    variant : str, optional
        A named set of options, see ``card(name).variants``.
    **options
        Options of the network, see ``card(name)``.

    Raises
    ------
    InputError
        If a name, an option or a value is unknown; the message names the nearest.
    """
    chosen = algorithm(name)
    if classes is not None:
        num_classes = len(classes)
    config = chosen.config(in_channels, num_classes, variant=variant, **options)
    backend = frameworks.get(framework)
    place = frameworks.resolve_device(backend, device)
    with ALGORITHMS.using(chosen.name):
        module = backend.build(chosen.define, config, place, seed)
    return Model(chosen, backend, place, config, module, classes=classes, preprocess=preprocess, patch_size=patch_size)


@checked("wb.zoo.load()")
def load(
    path: str | Path, framework: str = frameworks.DEFAULT, device: str = "cpu", *, allow_non_finite: bool = False
) -> Model:
    """Bring back a model from the file that `Model.save` wrote, on any framework.

    Parameters
    ----------
    path : str or Path
        The file, or the name of one of the trained models that come along (`trained`).
    framework, device : str
        Where it is to run.
    allow_non_finite : bool
        Whether NaN and infinities are let through.

    Raises
    ------
    FileError
        If the file is missing, damaged, does not say which model it is of, or holds NaN or infinity (unless
        `allow_non_finite`).
    """
    path = place_of(path)
    facts = parse_metadata(path)
    config = dict(facts["config"])
    if facts["algorithm"].startswith(OWN):
        raise InputError(
            f"wb.zoo.load(): path must be of an algorithm of the zoo, got the weights of {facts['algorithm']}, a "
            "network that was made elsewhere. Make that first, then wb.wrap(network, ...).load(path)."
        )
    model = create(
        facts["algorithm"],
        framework,
        device,
        config.pop("in_channels"),
        classes=facts["classes"],
        preprocess=facts["preprocess"],
        patch_size=facts.get("patch_size"),
        **{key: value for key, value in config.items() if key != "num_classes"},
    )
    model.load(path, allow_non_finite=allow_non_finite)
    return model


def list() -> Cards:
    """Return the cards of all algorithms; prints as a table."""
    return cards()


def __getattr__(name: str) -> Any:
    if name == "OptionInfo":
        import warnings

        from workbench.parameters import Parameter

        warnings.warn("OptionInfo is now workbench.parameters.Parameter.", DeprecationWarning, stacklevel=2)
        return Parameter
    raise AttributeError(f"module 'workbench.zoo' has no attribute {name!r}")
