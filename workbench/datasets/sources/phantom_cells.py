"""Made-up stained cells, for tasks on many small things: instances, boxes, points, ellipses.

Every cell is an ellipse with a nucleus, of one of two kinds: small, round and dark, or large, long and pale. They may
touch, and overlap a little; a cell in front hides what is behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from workbench._geometry import PICTURE_AFFINE
from workbench.datasets.cards import Card
from workbench.datasets.dataset import Dataset, Sample, check_task
from workbench.datasets.entry import Entry
from workbench.datasets.sources._options import Cases, Noise, Seed, Size
from workbench.datasets.splits import Fractions, check_fractions, make_splits
from workbench.errors import InputError
from workbench.shapes import Boxes, Ellipses, Points
from workbench.signatures import Range
from workbench.volume import Volume

#: Raised whenever the pictures change, so that the fingerprint of a data set changes with them.
GENERATION = 1

CARD = Card(
    name="phantom-cells",
    title="Made-up stained cells of two kinds, each outlined",
    tasks=("instances", "segmentation", "detection", "points", "ellipses"),
    spatial_ndim=2,
    classes=("lymphocyte", "tumour cell"),
    modality="light microscopy (simulated), RGB",
    source="computed; nothing is downloaded",
    licence="CC0",
    available="built in",
    notes=("Made up: a network trained on it is for learning how networks are trained, not for patients.",),
)

#: Micrometres per pixel, as of a 20x objective.
_PIXEL = 0.5
#: A micrograph has no patient to have a right and a left.
_SPACE = "object"
_PAPER = np.array([0.92, 0.84, 0.90])
_BODIES = np.array([[0.62, 0.46, 0.70], [0.83, 0.62, 0.76]])
_NUCLEI = np.array([[0.27, 0.18, 0.46], [0.50, 0.31, 0.58]])
# largest share of a cell that the ones before it may hide
_HIDDEN = 0.25


def entries() -> Iterator[Entry]:
    """Yield the catalogue's entry."""
    yield Entry(CARD, load, order=12)


def load(
    n: Cases = 120,
    size: Size = (96, 96),
    cells: Annotated[Sequence[int], Range(low=0)] = (5, 14),
    radius: Annotated[Sequence[float], Range(above=0, unit="pixels")] = (5.0, 10.0),
    noise: Noise = 0.03,
    seed: Seed = 0,
    task: str = "instances",
    fractions: Fractions | None = None,
) -> Dataset:
    """Make pictures of cells.

    Parameters
    ----------
    n : int
        Number of pictures. Picture i of a seed is the same whatever `n` is.
    size : int or two ints
        Rows and columns.
    cells : two ints
        Fewest and most cells that are tried; one that another would hide is left out.
    radius : two floats
        Smallest and largest mean radius of a cell in pixels.
    noise : float
        Standard deviation of the camera's noise; black is 0 and white is 1.
    seed : int
        Another seed gives other pictures.
    task : {"instances", "segmentation", "detection", "points", "ellipses"}
        What is annotated: the number of each cell's pixels; their kind; boxes, centres or ellipses with their kind.
    fractions : mapping or sequence of float, optional
        Shares of train, val and test.
    """
    return PhantomCells(n, size, cells, radius, noise, seed, check_task(task, CARD.tasks, CARD.name), fractions)


class PhantomCells(Dataset):
    """Pictures that are computed when they are asked for."""

    def __init__(
        self,
        n: int,
        size: int | Sequence[int],
        cells: Sequence[int],
        radius: Sequence[float],
        noise: float,
        seed: int,
        task: str,
        fractions: Fractions | None,
    ) -> None:
        rows, columns = (size, size) if isinstance(size, int | np.integer) else tuple(size)
        self._size = int(rows), int(columns)
        self._cells, self._radius = (int(cells[0]), int(cells[1])), (float(radius[0]), float(radius[1]))
        self._noise, self._seed = float(noise), int(seed)
        if not (
            n >= 1 and min(self._size) >= 16 and 0 <= self._cells[0] <= self._cells[1] and noise >= 0 and seed >= 0
        ):
            raise InputError(
                "Pictures of cells need n >= 1, sizes from 16, two numbers of cells (the smaller first), noise >= 0 "
                f"and seed >= 0, got {n=}, {size=}, {cells=}, {noise=}, {seed=}."
            )
        if not 2 <= self._radius[0] <= self._radius[1] <= min(self._size) / 2:
            raise InputError(f"`radius` is two numbers from 2 to half the picture, the smaller first, got {radius!r}.")
        self._options: dict[str, Any] = {
            "n": int(n),
            "size": [*self._size],
            "cells": [*self._cells],
            "radius": [*self._radius],
            "noise": self._noise,
            "seed": self._seed,
            "task": task,
        }
        if fractions is not None:
            self._options["fractions"] = check_fractions(fractions)
        ids = [f"{CARD.name}-{self._seed}-{index:05d}" for index in range(n)]
        if fractions is None and n < 3:
            fractions = {"train": 1}
        classes = {"instances": ("background", "cell"), "segmentation": ("background", *CARD.classes)}
        super().__init__(
            CARD,
            task=task,
            classes=classes.get(task, CARD.classes),
            ids=ids,
            patients=ids,
            spatial_ndim=2,
            in_channels=3,
            splits=make_splits(ids, fractions=fractions, patients=ids),
        )

    def _read(self, index: int) -> Sample:
        rng = np.random.Generator(np.random.PCG64([self._seed, index, 77]))
        affine = PICTURE_AFFINE @ np.diag([_PIXEL / 1000, _PIXEL / 1000, 1, 1])
        ellipses, numbers = self._scatter(rng)
        image = Volume(self._paint(ellipses, numbers, rng), affine, axes=("i", "j", "c"), space=_SPACE)
        placed = Ellipses(ellipses.values, ellipses.labels, affine)
        return {
            "id": self.ids[index],
            "image": image,
            "label": self._annotation(placed, numbers, affine),
            "patient": self.patients[index],
        }

    def _scatter(self, rng: np.random.Generator) -> tuple[Ellipses, NDArray[np.int64]]:
        """Return the cells, and the number of the cell that each pixel belongs to (0: none)."""
        values, labels = [], []
        numbers = np.zeros(self._size, np.int64)
        for _ in range(int(rng.integers(self._cells[0], self._cells[1] + 1))):
            label = int(rng.random() < 0.5)
            low, high = self._radius
            # the kinds share no size: the one is of the lower, the other of the upper part of the range
            share = rng.random() * 0.4 + (0.6 if label else 0.0)
            mean, ratio = low + share * (high - low), rng.uniform(1.2, 1.7) if label else rng.uniform(1.0, 1.15)
            row = [
                *(rng.random(2) * (np.array(self._size) - 1)),
                mean * np.sqrt(ratio),
                mean / np.sqrt(ratio),
                rng.uniform(-np.pi / 2, np.pi / 2),
            ]
            covered = Ellipses(np.array([row])).filled(self._size) > 0
            if not covered.any() or (numbers[covered] > 0).mean() > _HIDDEN:
                continue
            values.append(row)
            labels.append(label)
            numbers[covered & (numbers == 0)] = len(values)
        return Ellipses(np.array(values), np.array(labels, dtype=np.int64)), numbers

    def _paint(self, cells: Ellipses, numbers: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
        from scipy import ndimage

        tissue = ndimage.gaussian_filter(rng.normal(size=self._size), min(self._size) / 12)
        picture = _PAPER + 0.03 * (tissue / max(tissue.std(), 1e-9))[..., None]
        for number, (row, label) in enumerate(zip(cells.values, cells.labels, strict=True), start=1):
            inside = numbers == number
            shade = 1 + 0.08 * rng.normal()
            picture[inside] = _BODIES[label] * shade
            offset = rng.uniform(-0.15, 0.15, 2) * row[3]
            nucleus = Ellipses(np.array([[*(row[:2] + offset), row[2] * 0.6, row[3] * 0.6, row[4]]])).filled(self._size)
            picture[inside & (nucleus > 0)] = _NUCLEI[label] * shade
        blurred = ndimage.gaussian_filter(picture, (0.7, 0.7, 0))
        noisy = blurred + rng.normal(0, self._noise, picture.shape)
        return np.asarray(np.clip(noisy * 255, 0, 255).round(), np.uint8)

    def _annotation(self, cells: Ellipses, numbers: NDArray[np.int64], affine: NDArray[np.float64]) -> Any:
        if self.task == "instances":
            names = {0: "background"}
            return Volume(numbers.astype(np.uint16), affine, kind="labels", axes=("i", "j"), labels=names, space=_SPACE)
        if self.task == "segmentation":
            kinds = np.concatenate([[0], cells.labels + 1]).astype(np.uint8)[numbers]
            names = dict(enumerate(self.classes))
            return Volume(kinds, affine, kind="labels", axes=("i", "j"), labels=names, space=_SPACE)
        if self.task == "points":
            return Points(cells.centers, cells.labels, affine)
        if self.task == "ellipses":
            return cells
        reach = np.sqrt(np.diagonal(cells.matrices(), axis1=1, axis2=2))
        corners = np.concatenate([cells.centers - reach, cells.centers + reach], axis=1)
        return Boxes(corners, cells.labels, affine).within(self._size)

    def spec(self) -> dict[str, Any]:
        """Return all options."""
        return {"name": self.name, "options": dict(self._options)}

    def _checksums(self) -> Iterator[str]:
        fixed = {key: value for key, value in self._options.items() if key not in {"n", "fractions"}}
        return (f"{GENERATION}|{sorted(fixed.items())}" for _ in self.ids)
