"""Random changes to training images: drawn from a seed, so that any of them can be made again.

The spec is plain data; each part is optional, and its values are the defaults that an empty part stands for::

    {"flip": {"axes": [0], "prob": 0.5},
     "affine": {"rotate_deg": 15, "scale": 0.1, "translate": 0.05, "prob": 0.5},
     "elastic": {"magnitude": 3.0, "smooth": 8.0, "prob": 0.2},
     "blur": {"sigma": [0.5, 1.0], "prob": 0.2},
     "noise": {"std": 0.05, "prob": 0.3},
     "gamma": {"range": [0.7, 1.5], "prob": 0.3},
     "intensity": {"scale": 0.1, "shift": 0.1, "prob": 0.3},
     "colour": {"scale": 0.2, "shift": 0.2, "prob": 0.5},
     "invert": {"prob": 0.5}}

They are applied in this order by MONAI's dictionary transforms.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError, check_keywords
from workbench.parameters import Parameter, by_name, check_values, plain
from workbench.volume import Volume

Arrays = dict[str, NDArray[Any]]


def _share(name: str, default: float, meaning: str, high: float = 1.0) -> Parameter:
    return Parameter(name, "number", default, meaning, low=0, high=high)


def _amount(name: str, default: float, meaning: str, unit: str = "") -> Parameter:
    return Parameter(name, "number", default, meaning, low=0, unit=unit)


def _span(name: str, default: tuple[float, float], meaning: str, unit: str = "") -> Parameter:
    return Parameter(name, "number", default, meaning, above=0, unit=unit, many=True)


def _change(prob: float, *parameters: Parameter) -> dict[str, Parameter]:
    return by_name(*parameters, _share("prob", prob, "Chance that it is done."))


#: What each change takes.
PARAMETERS: dict[str, dict[str, Parameter]] = {
    "flip": _change(0.5, Parameter("axes", "integer", (0,), "Spatial axes, each flipped by itself.", low=0, many=True)),
    "affine": _change(
        0.5,
        Parameter("rotate_deg", "number", 15.0, "Most that is turned.", low=0, high=180, unit="degrees"),
        _share("scale", 0.1, "Most that is zoomed.", high=0.9),
        _share("translate", 0.05, "Most that is shifted, as a share of the size."),
    ),
    "elastic": _change(
        0.2,
        _amount("magnitude", 3.0, "How far voxels are shifted.", "voxels"),
        _amount("smooth", 8.0, "Over how many voxels the shifts vary.", "voxels"),
    ),
    "blur": _change(0.2, _span("sigma", (0.5, 1.0), "Least and most of the standard deviation.", "voxels")),
    "noise": _change(0.3, _amount("std", 0.05, "Most of the standard deviation.")),
    "gamma": _change(0.3, _span("range", (0.7, 1.5), "Least and most of the exponent.")),
    "intensity": _change(
        0.3,
        _share("scale", 0.1, "Most that is multiplied by 1 +-.", high=0.9),
        _amount("shift", 0.1, "Most added."),
    ),
    "colour": _change(
        0.5,
        _share("scale", 0.2, "As above, by channel.", high=0.9),
        _amount("shift", 0.2, "Likewise."),
    ),
    "invert": _change(0.5),
}
DEFAULTS: dict[str, dict[str, Any]] = {
    change: {name: plain(one.default) for name, one in known.items()} for change, known in PARAMETERS.items()
}


class Augment:
    """Random changes as plain data.

    Parameters
    ----------
    spec : mapping
        Which changes, with which values (see the head of this module). Empty: nothing is changed.
    spatial_ndim : int
        2 or 3.

    Notes
    -----
    ``flip.axes`` are spatial axes, each flipped with `prob`. ``affine``: rotation up to +-`rotate_deg` degrees about
    every axis, zoom up to +-`scale` and shift up to +-`translate` as shares of the size. ``elastic``: shifts of about
    `magnitude` voxels that vary over `smooth` voxels. ``blur.sigma`` is in voxels. ``noise.std`` is the most; the
    deviation used is drawn below it. ``intensity`` multiplies by 1 +- `scale` and adds +-`shift`, in units of the image
    as the network gets it; ``colour`` does the same to each channel by itself (stains, lighting). ``invert`` mirrors
    intensities about the mean of the image: bright on dark becomes dark on bright.

    Raises
    ------
    InputError
        If a change or a value is unknown (the message names the nearest) or out of range.
    """

    def __init__(self, spec: Mapping[str, Any] | None = None, spatial_ndim: int = 3) -> None:
        if spatial_ndim not in (2, 3):
            raise InputError(f"Images have 2 or 3 spatial axes, got spatial_ndim={spatial_ndim!r}.")
        self.spatial_ndim = spatial_ndim
        self.spec = _complete(spec or {}, spatial_ndim)
        # MONAI's transforms hold the state of their random numbers, so every thread gets its own
        self._local = threading.local()

    def apply(self, arrays: Mapping[str, NDArray[Any]], seed: int) -> Arrays:
        """Change a sample; the same seed gives the same change.

        Parameters
        ----------
        arrays : dict of array [c, *spatial]
            Floating-point arrays are images. Integer arrays are labels: they are moved with the images by nearest
            neighbour, and their values are left alone.
        seed : int
            What the change is drawn from.

        Returns
        -------
        dict of array
            New arrays of the same shapes; images are float32, labels keep their type.
        """
        for key, array in arrays.items():
            self._check(key, array)
        if not self.spec:
            return {key: np.array(array, dtype=_kept(array)) for key, array in arrays.items()}
        import torch

        # float32 holds the labels exactly, and is what the resampling works in
        tensors = {key: torch.from_numpy(np.array(array, dtype=np.float32)) for key, array in arrays.items()}
        out = self._run(tensors, arrays, seed)
        return {key: np.asarray(out[key], dtype=_kept(array)) for key, array in arrays.items()}

    def apply_with_move(self, arrays: Mapping[str, NDArray[Any]], seed: int) -> tuple[Arrays, NDArray[np.float64]]:
        """Change a sample as `apply` does, and say where its voxels went.

        Returns
        -------
        (dict of array, array [ndim + 1, ndim + 1])
            The matrix maps voxel indices before the change to those after it; points and boxes follow it.

        Raises
        ------
        InputError
            If the change bends the image, which no matrix describes.
        """
        if "elastic" in self.spec:
            raise InputError(
                "The augmentation 'elastic' bends an image, and points, boxes and ellipses cannot follow. Leave it "
                "out of `augment`."
            )
        start = np.eye(self.spatial_ndim + 1)
        if not self.spec:
            return self.apply(arrays, seed), start
        import torch
        from monai.data.meta_tensor import MetaTensor

        for key, array in arrays.items():
            self._check(key, array)
        tensors = {
            key: MetaTensor(torch.from_numpy(np.array(array, dtype=np.float32)), affine=torch.from_numpy(start))
            for key, array in arrays.items()
        }
        out = self._run(tensors, arrays, seed)
        back = np.asarray(out[next(iter(arrays))].affine, dtype=np.float64)
        return {key: np.asarray(out[key], dtype=_kept(array)) for key, array in arrays.items()}, np.linalg.inv(back)

    def apply_volumes(self, volumes: Mapping[str, Volume], seed: int) -> dict[str, Volume]:
        """Change a sample of Volumes; the affines follow the voxels.

        Returns
        -------
        dict of Volume
            Each with the affine under which what was changed still lies where it was.
        """
        import torch
        from monai.data.meta_tensor import MetaTensor

        arrays = {key: volume.channels_first() for key, volume in volumes.items()}
        if not self.spec:
            return dict(volumes)
        tensors = {
            key: MetaTensor(
                torch.from_numpy(np.array(array, dtype=np.float32)),
                affine=torch.from_numpy(_affine_of(volumes[key])),
            )
            for key, array in arrays.items()
        }
        out = self._run(tensors, arrays, seed)
        made = {}
        for key, volume in volumes.items():
            meaning: dict[str, Any] = {"kind": volume.kind, "labels": volume.labels or None, "unit": volume.unit}
            meaning["space"] = volume.space
            if volume.channels:
                meaning["channels"] = volume.channels
            affine = _full_affine(np.asarray(out[key].affine, dtype=np.float64), volume)
            array = np.asarray(out[key], dtype=_kept(arrays[key]))
            made[key] = Volume.from_channels_first(array, affine, **meaning)
        return made

    def describe(self) -> str:
        """Say in words what is done."""
        return "; ".join(_WORDS[name](values) for name, values in self.spec.items()) or "no augmentation"

    def __repr__(self) -> str:
        return f"<Augment {self.spatial_ndim}D: {self.describe()}>"

    def _run(self, tensors: dict[str, Any], arrays: Mapping[str, NDArray[Any]], seed: int) -> dict[str, Any]:
        images = tuple(key for key, array in arrays.items() if not _is_label(array))
        labels = tuple(key for key, array in arrays.items() if _is_label(array))
        pipelines: dict[Any, Any] = self._local.__dict__.setdefault("pipelines", {})
        if (images, labels) not in pipelines:
            pipelines[images, labels] = _pipeline(self.spec, self.spatial_ndim, images, labels)
        pipeline = pipelines[images, labels]
        pipeline.set_random_state(seed=int(seed) % 2**32)
        changed: dict[str, Any] = pipeline(tensors)
        return changed

    def _check(self, key: str, array: NDArray[Any]) -> None:
        if array.ndim != self.spatial_ndim + 1:
            raise InputError(
                f"{key!r} must have a channel axis and {self.spatial_ndim} spatial axes, got shape {array.shape}."
            )


def _is_label(array: NDArray[Any]) -> bool:
    return bool(np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_)


def _kept(array: NDArray[Any]) -> Any:
    return array.dtype if _is_label(array) else np.float32


def _complete(spec: Mapping[str, Any], ndim: int) -> dict[str, dict[str, Any]]:
    """Fill in the defaults and check every value."""
    check_keywords(spec, DEFAULTS, "Augment")
    out: dict[str, dict[str, Any]] = {}
    for name, defaults in DEFAULTS.items():
        given = spec.get(name)
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise InputError(f"Augment {name!r} takes a dict such as {defaults}, got {given!r}.")
        out[name] = _checked(name, given, ndim)
    return out


def _checked(name: str, given: Mapping[str, Any], ndim: int) -> dict[str, Any]:
    where = f"Augment {name!r}"
    if "axes" in given and isinstance(given["axes"], int) and not isinstance(given["axes"], bool):
        given = {**given, "axes": [given["axes"]]}
    values = {key: plain(value) for key, value in check_values(PARAMETERS[name], given, where).items()}
    for key, value in values.items():
        if key == "axes":
            if not value or max(value) >= ndim:
                raise InputError(f"{where}: axes must be spatial axes from 0 to {ndim - 1}, got {given[key]!r}.")
            values[key] = sorted(set(value))
        elif key in ("range", "sigma"):
            if len(value) != 2 or value[0] > value[1]:
                raise InputError(f"{where}: {key} must be two numbers above 0, the smaller first, got {given[key]!r}.")
            values[key] = [float(one) for one in value]
        else:
            values[key] = float(value)
    return values


def _pipeline(spec: dict[str, dict[str, Any]], ndim: int, images: tuple[str, ...], labels: tuple[str, ...]) -> Any:
    from monai.transforms.compose import Compose
    from monai.transforms.intensity import dictionary as intensity
    from monai.transforms.spatial.dictionary import RandFlipd

    from workbench.transforms import _spatial

    keys = (*images, *labels)
    mode = ("bilinear",) * len(images) + ("nearest",) * len(labels)
    steps: list[Any] = []
    if "flip" in spec:
        steps += [RandFlipd(keys, prob=spec["flip"]["prob"], spatial_axis=axis) for axis in spec["flip"]["axes"]]
    if "affine" in spec:
        steps.append(_spatial.AffineByShare(spec["affine"], keys, mode, ndim))
    if "elastic" in spec:
        steps.append(_spatial.elastic(spec["elastic"], keys, mode, ndim))
    if "blur" in spec and images:
        sigma = tuple(spec["blur"]["sigma"])
        steps.append(intensity.RandGaussianSmoothd(images, sigma, sigma, sigma, prob=spec["blur"]["prob"]))
    if "noise" in spec and images:
        steps.append(intensity.RandGaussianNoised(images, prob=spec["noise"]["prob"], std=spec["noise"]["std"]))
    if "gamma" in spec and images:
        steps.append(
            intensity.RandAdjustContrastd(images, prob=spec["gamma"]["prob"], gamma=tuple(spec["gamma"]["range"]))
        )
    if "intensity" in spec and images:
        values = spec["intensity"]
        steps.append(intensity.RandScaleIntensityd(images, factors=values["scale"], prob=values["prob"]))
        steps.append(intensity.RandShiftIntensityd(images, offsets=values["shift"], prob=values["prob"]))
    if "colour" in spec and images:
        scale, shift, prob = (spec["colour"][key] for key in ("scale", "shift", "prob"))
        for image in images:  # which need not have the same number of channels
            steps.append(intensity.RandScaleIntensityd((image,), factors=scale, prob=prob, channel_wise=True))
            steps.append(intensity.RandShiftIntensityd((image,), offsets=shift, prob=prob, channel_wise=True))
    if "invert" in spec and images:
        # intensities less their mean, times 1 - 2, plus the mean
        mirrored = (-2.0, -2.0)
        steps.append(intensity.RandScaleIntensityFixedMeand(images, factors=mirrored, prob=spec["invert"]["prob"]))
    return Compose(steps)


def _affine_of(volume: Volume) -> NDArray[np.float64]:
    """Return the affine as MONAI wants it: as many axes as the array has."""
    if volume.spatial_ndim == 3:
        return np.array(volume.affine)
    # in the plane of the picture, from pixels to millimetres along its own two axes
    return np.diag([*volume.spacing, 1.0])


def _full_affine(moved: NDArray[np.float64], volume: Volume) -> NDArray[np.float64]:
    if volume.spatial_ndim == 3:
        return moved
    # pixel of the changed picture -> pixel of the old picture -> millimetres in the body
    pixels = np.diag([*(1 / s for s in volume.spacing), 1.0]) @ moved
    lifted = np.eye(4)
    lifted[:2, :2], lifted[:2, 3] = pixels[:2, :2], pixels[:2, 2]
    return np.asarray(volume.affine @ lifted)


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "flip": lambda v: f"flip along axis {' and '.join(map(str, v['axes']))} ({v['prob']:.0%} each)",
    "affine": lambda v: (
        f"rotate up to {v['rotate_deg']:g} degrees, zoom up to {v['scale']:.0%}, shift up to {v['translate']:.0%} "
        f"of the size ({v['prob']:.0%})"
    ),
    "elastic": lambda v: f"bend by about {v['magnitude']:g} voxels over {v['smooth']:g} ({v['prob']:.0%})",
    "blur": lambda v: f"blur by {v['sigma'][0]:g} to {v['sigma'][1]:g} voxels ({v['prob']:.0%})",
    "noise": lambda v: f"noise up to {v['std']:g} ({v['prob']:.0%})",
    "gamma": lambda v: f"gamma {v['range'][0]:g} to {v['range'][1]:g} ({v['prob']:.0%})",
    "intensity": lambda v: f"scale by 1 +- {v['scale']:g}, shift by +- {v['shift']:g} ({v['prob']:.0%})",
    "colour": lambda v: f"each channel: scale by 1 +- {v['scale']:g}, shift by +- {v['shift']:g} ({v['prob']:.0%})",
    "invert": lambda v: f"bright for dark ({v['prob']:.0%})",
}
