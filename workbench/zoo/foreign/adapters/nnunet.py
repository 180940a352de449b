"""A model of nnU-Net v2: its predictor as it stands in a notebook, or the folder of its results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from workbench import frameworks
from workbench.errors import FileError, InputError, StateError
from workbench.frameworks import loading
from workbench.zoo.foreign.adapter import Adapter, Found

_PARTS = ("network", "configuration_manager", "plans_manager", "dataset_json")
_PLANS, _DATASET, _WEIGHTS = "plans.json", "dataset.json", "checkpoint_final.pth"
_ARCHITECTURES = "dynamic_network_architectures"
_REFERENCE = "Isensee et al. 2021, nnU-Net: a self-configuring method, Nature Methods 18, 203-211"


class NNUNetPredictor(Adapter):
    """The predictor of nnU-Net v2, initialised."""

    name = "nnunet-predictor"
    title = "a predictor of nnU-Net v2 (nnUNetPredictor)"
    order: ClassVar[float] = 20

    def takes(self, thing: Any) -> bool:
        return all(hasattr(thing, part) for part in _PARTS)

    def read(self, thing: Any, said: Mapping[str, Any]) -> Found:
        if thing.network is None:
            raise StateError(
                "A predictor of nnU-Net: network must be there, got None. Call "
                "predictor.initialize_from_trained_model_folder(...) first."
            )
        network, notes = thing.network, []
        folds = getattr(thing, "list_of_parameters", None) or []
        if folds:
            # a predictor puts the weights of one fold after the other into its network; this one is to stay as it is
            framework = frameworks.of(network) or frameworks.get(frameworks.DEFAULT)
            network = framework.copied(network)
            weights = {name: np.asarray(value) for name, value in folds[0].items()}
            loading.put(framework, network, weights, "the first fold of the predictor")
            if len(folds) > 1:
                notes.append(f"Of the {len(folds)} folds of the predictor the first is explained, without mirroring.")
        manager = thing.configuration_manager
        configuration = {
            name: getattr(manager, name, None)
            for name in ("spacing", "patch_size", "normalization_schemes", "use_mask_for_norm")
        }
        properties = getattr(thing.plans_manager, "foreground_intensity_properties_per_channel", None)
        plans = {
            "transpose_forward": getattr(thing.plans_manager, "transpose_forward", None),
            "foreground_intensity_properties_per_channel": properties,
        }
        return _found(network, plans, configuration, thing.dataset_json, notes, said)


class NNUNetResults(Adapter):
    """The folder of a trained configuration, ``nnUNetTrainer__nnUNetPlans__3d_fullres``, or of one of its folds."""

    name = "nnunet-results"
    title = "a folder of results of nnU-Net v2 (with plans.json and dataset.json)"
    order: ClassVar[float] = 21

    def takes(self, thing: Any) -> bool:
        return isinstance(thing, str | Path) and _place(Path(thing)) is not None

    def read(self, thing: Any, said: Mapping[str, Any]) -> Found:
        place = _place(Path(thing))
        assert place is not None
        folder, fold = place
        plans, dataset = _json(folder / _PLANS), _json(folder / _DATASET)
        configuration = _configuration(plans, folder.name.rpartition("__")[2])
        labels, channels = _labels(dataset), len(dataset.get("channel_names", {"0": ""}))
        network = _network(configuration, channels, len(labels))
        folds = [fold] if fold else sorted(one.parent.name for one in folder.glob(f"fold_*/{_WEIGHTS}"))
        if not folds:
            raise FileError(
                f"The results of nnU-Net {folder.name}: fold_0/{_WEIGHTS} must be there, got no fold. Train one first."
            )
        loading.load(frameworks.get(frameworks.DEFAULT), network, folder / folds[0] / _WEIGHTS)
        notes = [f"Of {len(folds)} folds {folds[0]} is explained, without mirroring."] if len(folds) > 1 else []
        return _found(network, plans, configuration, dataset, notes, said)


def _place(path: Path) -> tuple[Path, str] | None:
    """Return the folder of a configuration, and the fold if it is that which was named."""
    if (path / _PLANS).is_file() and (path / _DATASET).is_file():
        return path, ""
    named = path.name.startswith("fold_") and (path.parent / _PLANS).is_file()
    return (path.parent, path.name) if named else None


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"The results of nnU-Net: {path.name} must be readable JSON, got {error}.") from error
    if not isinstance(read, dict):
        raise FileError(f"The results of nnU-Net: {path.name} must hold a mapping, got {type(read).__name__}.")
    return read


def _configuration(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration of the plans, with what it inherits."""
    known = plans.get("configurations", {})
    if name not in known:
        raise InputError(
            f"The results of nnU-Net: the folder must be called like one of the configurations ({', '.join(known)}), "
            f"as nnUNetTrainer__nnUNetPlans__3d_fullres is, got {name!r}. Give it back its name."
        )
    own = dict(known[name])
    parent = own.pop("inherits_from", None)
    return {**(_configuration(plans, parent) if parent in known and parent != name else {}), **own}


def _network(configuration: Mapping[str, Any], channels: int, labels: int) -> Any:
    """Return the network that the plans describe."""
    told = configuration.get("architecture", {})
    target = str(told.get("network_class_name", ""))
    module, _, name = target.rpartition(".")
    if not module.startswith(f"{_ARCHITECTURES}.architectures."):
        raise InputError(
            f"The results of nnU-Net: the network must be one of {_ARCHITECTURES}, got {target or 'none'!r}. Build it "
            "yourself, load its weights, and wrap that: wb.wrap(network, spacing=..., patch_size=...)."
        )
    if find_spec(_ARCHITECTURES) is None:
        raise StateError(
            f"The results of nnU-Net need {_ARCHITECTURES} to build the network, which is not installed. Install it "
            f"with `pip install {_ARCHITECTURES.replace('_', '-')}`, or wrap a predictor."
        )
    kind = getattr(import_module(module), name, None)
    framework = frameworks.get(frameworks.DEFAULT)
    if not isinstance(kind, type):
        raise InputError(f"The results of nnU-Net: {target} must be a class of {_ARCHITECTURES}, got none.")
    options = dict(told.get("arch_kwargs", {}))
    for key in told.get("_kw_requires_import", ()):
        options[key] = _layer(options.get(key), framework.vocabulary[0])
    sizes = {"input_channels": channels, "num_classes": labels, "deep_supervision": False}
    return framework.build(lambda *_: kind, {**options, **sizes})


def _layer(target: Any, nn: Any) -> Any:
    """Return the class of a layer that is named by where it lies, of the framework's own alone."""
    if target is None:
        return None
    package, _, name = str(target).rpartition(".")
    kind = getattr(nn, name, None)
    if not package.startswith(f"{nn.__name__}") or not isinstance(kind, type):
        raise InputError(f"The results of nnU-Net: layers must be those of {nn.__name__}, got {target!r}.")
    return kind


def _labels(dataset: Mapping[str, Any]) -> list[str]:
    """Return the names of the labels, the background first."""
    labels = dataset.get("labels", {})
    if any(isinstance(value, list | tuple) for value in labels.values()) or "regions_class_order" in dataset:
        raise InputError(
            "A model of nnU-Net: labels must exclude one another, got regions that lie over one another. Wrap its "
            'network as it is: wb.wrap(predictor.network, "labels", final="sigmoid", classes=[...], spacing=...).'
        )
    return [name for name, value in sorted(labels.items(), key=lambda one: int(one[1])) if name != "ignore"]


def _found(
    network: Any,
    plans: Mapping[str, Any],
    configuration: Mapping[str, Any],
    dataset: Mapping[str, Any],
    notes: list[str],
    said: Mapping[str, Any],
) -> Found:
    """Return what plans and data set say."""
    order = list(plans.get("transpose_forward") or range(len(configuration["spacing"])))
    if order != sorted(order):
        raise InputError(
            f"A model of nnU-Net: axes must be in the order of the image (transpose_forward [0, 1, 2]), got {order}. "
            "Wrap its network in a module that turns them."
        )
    spacing = [float(step) for step in configuration["spacing"]]
    found: dict[str, Any] = {
        "task": "segmentation",
        "classes": _labels(dataset),
        "in_channels": len(dataset.get("channel_names", {"0": ""})),
        "patch_size": [int(size) for size in configuration["patch_size"]],
        "name": str(dataset.get("name", "nnUNet")),
    }
    if len(found["patch_size"]) == len(spacing):  # of a 2D configuration, spacing and windows are of its slices
        # its arrays are those of SimpleITK: the last axis of an image comes first
        found |= {"orientation": "reversed", "spacing": spacing}
    if "intensity" not in said and "preprocess" not in said:
        found["intensity"] = _intensity(plans, configuration)
    note = "A model of nnU-Net v2: spacing, windows and intensities as its plans say; resampled linearly."
    return Found(network, found, (note, *notes), _REFERENCE)


def _intensity(plans: Mapping[str, Any], configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return how intensities are normalised, where all channels are alike."""
    schemes = {str(one).removesuffix("Normalization") for one in configuration["normalization_schemes"]}
    masked = configuration.get("use_mask_for_norm") or []
    if len(schemes) > 1 or (schemes == {"CT"} and len(configuration["normalization_schemes"]) > 1) or any(masked):
        what = "a mask for it" if any(masked) else ", ".join(configuration["normalization_schemes"])
        raise InputError(
            f"A model of nnU-Net: intensities must be normalised alike in all channels, with all voxels, got {what}. "
            "Say how: wb.wrap(predictor, intensity=...), with the volume normalised before if need be."
        )
    (scheme,) = schemes
    if scheme == "CT":
        told = (plans.get("foreground_intensity_properties_per_channel") or {})["0"]
        low, high = float(told["percentile_00_5"]), float(told["percentile_99_5"])
        mean, deviation = float(told["mean"]), max(float(told["std"]), 1e-8)
        return {
            "kind": "window",
            "low": low,
            "high": high,
            "out": [(low - mean) / deviation, (high - mean) / deviation],
        }
    known: Mapping[str, dict[str, Any]] = {
        "ZScore": {"kind": "zscore"},
        "No": {"kind": "none"},
        "RescaleTo01": {"kind": "range"},
        "RGBTo01": {"kind": "window", "low": 0.0, "high": 255.0},
    }
    if scheme not in known:
        raise InputError(
            f"A model of nnU-Net: intensities must be normalised in a way that is known here ({', '.join(known)}), got "
            f"{scheme}. Say how: wb.wrap(predictor, intensity=...)."
        )
    return known[scheme]
