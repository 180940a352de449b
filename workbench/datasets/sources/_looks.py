"""What a CT scanner and an X-ray tube make of a patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.sources._anatomy import HEART, LESION, LUNGS, Patient
from workbench.volume import Volume

#: Voxels painted at once, so that the working arrays stay in the processor's cache and in little memory.
_SLAB = 1 << 17

#: Attenuation of water in 1/mm at the mean energy of a chest radiograph.
_WATER = 0.019


def scan(
    patient: Patient,
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    noise: float,
    rng: np.random.Generator,
) -> tuple[Volume, NDArray[np.uint8]]:
    """Return a CT (HU, int16, axes to the left, back and head) and the label of each voxel."""
    affine = _centered(size, np.diag([-1.0, -1.0, 1.0]) * spacing, rng.uniform(-8, 8, 3))
    x, y, z = (affine[a, a] * np.arange(size[a]) + affine[a, 3] for a in range(3))
    hu = np.empty(size, np.float32)
    labels = np.empty(size, np.uint8)
    depth = max(1, _SLAB // (size[0] * size[1]))
    for start in range(0, size[2], depth):
        part = slice(start, start + depth)
        hu[:, :, part], labels[:, :, part] = patient.paint(x, y, z[part], float(np.mean(spacing)), table=True)
    if noise > 0:
        # rays through the middle of the body see fewer photons
        radial = np.sqrt((x[:, None] / 170) ** 2 + (y[None, :] / 110) ** 2)
        hu += _grain(size, noise, rng) * np.clip(1.35 - 0.5 * radial, 0.6, 1.35).astype(np.float32)[:, :, None]
    values = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    return Volume(values, affine, unit="HU"), labels


def radiograph(
    patient: Patient, size: tuple[int, int], spacing: tuple[float, float], noise: float, rng: np.random.Generator
) -> tuple[Volume, NDArray[np.uint8]]:
    """Return a frontal radiograph (0 to 4095, bone bright, rows to the feet, columns to the left) and its labels.

    The rays run from back to front. A pixel is labelled with what the eye sees there: 3 the lesion, else 2 the shadow
    of the heart, else 1 lung, where the ray passes 55 mm of it.
    """
    from scipy.ndimage import gaussian_filter

    step = float(np.clip(np.mean(spacing) * 2.0, 3.5, 8.0))
    y = np.arange(-120.0, 120.0, step)
    columns = np.array([[0.0, -spacing[1], 0.0], [0.0, 0.0, -1.0], [-spacing[0], 0.0, 0.0]])
    affine = _centered((*size, 1), columns, np.array([0.0, 0.0, -6.0]))
    z = affine[2, 3] + affine[2, 0] * np.arange(size[0])
    x = affine[0, 3] + affine[0, 1] * np.arange(size[1])
    path = np.empty(size, np.float32)
    shadows = np.empty((3, *size), np.float32)
    rows = max(1, _SLAB // (size[1] * len(y)))
    for start in range(0, size[0], rows):
        part = slice(start, start + rows)
        hu, seen = patient.paint(x, y, z[part], float(np.mean([*spacing, step])))
        density = np.maximum(1 + hu / 1000, 0)
        density += np.maximum(hu - 130, 0) * np.float32(1.3 / 1000)  # calcium stops more of these photons
        path[part] = density.sum(axis=1).T * np.float32(step * _WATER)
        for place, organ in enumerate((LUNGS, HEART, LESION)):
            shadows[place, part] = np.count_nonzero(seen == organ, axis=1).T * np.float32(step)
    photons = np.exp(-path) + np.float32(0.012)  # scatter fogs the darkest shadows
    if noise > 0:
        photons += np.sqrt(photons) * rng.standard_normal(size, dtype=np.float32) * np.float32(noise)
    film = -np.log(np.maximum(photons, 1e-4))
    # the harmonisation of a digital detector takes out half of the slow changes
    film -= np.float32(0.5) * gaussian_filter(film, 30 / float(np.mean(spacing)), mode="nearest")
    values = np.clip(np.rint(1250 + 1000 * film), 0, 4095).astype(np.uint16)

    labels = np.zeros(size, np.uint8)
    for value, (shadow, least) in enumerate(zip(shadows, (55, 12, 2), strict=True), start=1):
        labels[shadow > least] = value
    return Volume(values, affine, axes=("i", "j"), unit="a.u."), labels


def default_spacing(size: tuple[int, ...]) -> tuple[float, ...]:
    """Return the voxel size in mm at which the whole patient is in the picture."""
    if len(size) == 2:
        return (round(max(340 / size[0], 380 / size[1]), 4),) * 2
    return tuple(round(extent / n, 4) for extent, n in zip((390, 290, 330), size, strict=True))


def _grain(size: tuple[int, ...], noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw the noise of a reconstruction, which is shared between neighbours."""
    grain = rng.standard_normal(size, dtype=np.float32)
    for axis in range(grain.ndim):
        grain = np.float32(0.74) * grain + np.float32(0.26) * np.roll(grain, 1, axis=axis)
    # the three averages above leave (0.74^2 + 0.26^2)^(3/2) of the deviation
    return grain * np.float32(noise / (0.74**2 + 0.26**2) ** (grain.ndim / 2))


def _centered(size: tuple[int, ...], columns: NDArray[np.float64], center: NDArray[np.float64]) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = columns
    affine[:3, 3] = center - columns @ ((np.array(size) - 1) / 2)
    return affine
