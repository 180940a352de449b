"""The plainest answers there are, by task: what a trained network must beat to have learned anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.transform import resize

from workbench.datasets import Dataset
from workbench.shapes import Boxes, Ellipses, Points
from workbench.volume import Volume
from workbench.zoo import Classification

Answer = Callable[[Volume], Any]


def baseline(train: Dataset) -> tuple[str, Answer]:
    """Return (what it does, answers for an image) for the task of a training set."""
    return _MAKERS[train.task](train)


def _constant(train: Dataset) -> tuple[str, Answer]:
    counts = np.bincount([c for c in train.targets() or [] if c is not None], minlength=train.num_classes)
    answer = Classification(train.classes, tuple(map(float, counts / counts.sum())))
    return "the shares of the classes, whatever the image", lambda _: answer


def _joint(train: Dataset) -> tuple[str, Answer]:
    constant, mask = _constant(train)[1], _prior(train)[1]
    return "the most frequent class and the mean mask", lambda image: {"class": constant(image), "mask": mask(image)}


def _prior(train: Dataset) -> tuple[str, Answer]:
    """Answer the label that training cases have most often at each place of the field of view."""
    ndim = train.spatial_ndim
    total = np.zeros((64,) * ndim + (256,), np.float32)
    top = 0
    for sample in train:
        label = sample["label"]["mask"] if isinstance(sample["label"], dict) else sample["label"]
        if label is None:
            continue
        small = resize(label.data, (64,) * ndim, order=0, preserve_range=True, anti_aliasing=False).astype(int)
        top = max(top, int(small.max()))
        for value in range(top + 1):
            total[..., value] += small == value
    # a label that is rare everywhere would never win against the background
    share = total[..., : top + 1] / np.maximum(total.max(axis=tuple(range(ndim))), 1)[: top + 1]
    foreground = share[..., 1:].max(axis=-1) > 0.5
    best = np.where(foreground, share[..., 1:].argmax(axis=-1) + 1, 0)

    def answer(image: Volume) -> Volume:
        data = resize(best, image.spatial_shape, order=0, preserve_range=True, anti_aliasing=False).astype(np.uint8)
        axes = image.axes[: image.spatial_ndim]
        return Volume(data, image.affine, kind="labels", axes=axes, labels=dict(enumerate(train.classes)))

    return "the mean mask of the training cases", answer


def _blobs(image: Volume) -> np.ndarray:
    """Return numbered spots on the rarer side of Otsu's threshold."""
    grey = image.data.mean(axis=-1) if image.num_channels > 1 else image.data
    bright = grey > threshold_otsu(grey)
    found, count = ndimage.label(bright if bright.mean() < 0.5 else ~bright)
    sizes = ndimage.sum_labels(np.ones_like(found), found, np.arange(count + 1))
    keep = sizes >= 12
    keep[0] = False
    return np.where(keep[found], found, 0)


def _instances(_: Dataset) -> tuple[str, Answer]:
    def answer(image: Volume) -> Volume:
        return Volume(_blobs(image).astype(np.uint16), image.affine, kind="labels", axes=image.axes[:2])

    return "connected components beyond Otsu's threshold", answer


def _most(train: Dataset) -> int:
    labels = np.concatenate([sample["label"].labels for sample in train])
    return int(np.bincount(labels).argmax())


def _points(train: Dataset) -> tuple[str, Answer]:
    label = _most(train)

    def answer(image: Volume) -> Points:
        spots = _blobs(image)
        numbers = [n for n in np.unique(spots) if n]
        centers = np.array(ndimage.center_of_mass(spots > 0, spots, numbers)).reshape(-1, 2)
        return Points(centers, np.full(len(centers), label), image.affine, np.ones(len(centers)))

    return "centres of the components beyond Otsu's threshold, all of the most frequent class", answer


def _boxes(train: Dataset) -> tuple[str, Answer]:
    label = _most(train)

    def answer(image: Volume) -> Boxes:
        slices = [found for found in ndimage.find_objects(_blobs(image)) if found is not None]
        rows = [[s.start - 0.5 for s in found] + [s.stop - 0.5 for s in found] for found in slices]
        scores = [float(np.prod([s.stop - s.start for s in found])) for found in slices]
        return Boxes(np.array(rows), np.full(len(rows), label), image.affine, np.array(scores) / max([*scores, 1.0]))

    return "boxes around the components beyond Otsu's threshold, all of the most frequent class", answer


def _ellipses(train: Dataset) -> tuple[str, Answer]:
    rows = []
    for sample in train:
        size = np.array(sample["image"].spatial_shape)
        row = sample["label"].values[0]
        rows.append([*(row[:2] / size), *(row[2:4] / np.sqrt(size.prod())), row[4]])
    mean = np.median(rows, axis=0)

    def answer(image: Volume) -> Ellipses:
        size = np.array(image.spatial_shape)
        row = [*(mean[:2] * size), *(mean[2:4] * np.sqrt(size.prod())), mean[4]]
        return Ellipses(np.array([row]), np.zeros(1, np.int64), image.affine, np.ones(1))

    return "the median ellipse of the training cases", answer


def _brightness(_: Dataset) -> tuple[str, Answer]:
    def answer(image: Volume) -> Volume:
        data = image.data.astype(np.float32)
        return Volume((data - data.min()) / max(float(np.ptp(data)), 1e-6), image.affine, kind="scores")

    return "the brightness of each pixel, from the darkest to the brightest of its picture", answer


_MAKERS: dict[str, Callable[[Dataset], tuple[str, Answer]]] = {
    "classification": _constant,
    "joint": _joint,
    "segmentation": _prior,
    "instances": _instances,
    "points": _points,
    "detection": _boxes,
    "ellipses": _ellipses,
    "localisation": _brightness,
}
