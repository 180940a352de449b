"""Refining a finished map: its outline is fitted to edges of the image that it explains."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose
from workbench.explain.explainers._segments import superpixels
from workbench.explain.explanation import Explanation
from workbench.parameters import Parameter, by_name, check_values
from workbench.signatures import checked
from workbench.volume import Volume

#: Of perimeter-fit.
_PERIMETER = by_name(
    Parameter("count", "integer", None, "About how many pieces the image is cut into; such that one has a side of 8 "
              "voxels in 2D and of 5 in 3D, if not given.", low=4),
    Parameter("seed", "number", 0.05, "Background begins where the map is less than this share of its largest value.",
              low=0, below=1),
    Parameter("tolerance", "number", 0.15, "Step of intensity over which background spreads from piece to piece, as a "
              "share of the image's range (1st to 99th percentile).", low=0),
    Parameter("strength", "number", 1.0, "Share of the map that is added where both outlines agree.", above=0),
)  # fmt: skip
#: Side of a piece in voxels by number of axes, and how many times larger those of the second partition are.
_SIDES, _COARSER = {2: 8, 3: 5}, 3
#: A map of whose weight less has come to other voxels looks as it did.
_LITTLE = 0.01


@checked("wb.explain.refine()", "why")
def refine(
    why: Explanation, method: str = "perimeter-fit", *, volume: Volume | None = None, **options: Any
) -> Explanation:
    """Fit a map to the edges of the image.

    Parameters
    ----------
    why : Explanation
        Any map; what speaks for the target is refined, what speaks against it is left as it is.
    method : {"perimeter-fit"}
        After SILOP (Ostrowski et al. 2022, Precise Single-Image Label Outlines). The image is cut twice into pieces of
        about one intensity, finely and coarsely. From pieces where the map is (nearly) zero the background spreads to
        neighbours of about the same intensity, whatever the map says there, so that what is left ends at edges of the
        image. Where both partitions agree that something is left, the map is raised: *map + strength map fine coarse*.
        Pieces are supervoxels here (SLIC, in 2D and 3D), where SILOP takes SLIC and quickshift, and their borders are
        the edges, where SILOP takes Canny's.
    volume : Volume, optional
        What was explained; needed for a map that was read from a file.
    **options
        Of perimeter-fit: `count` (pieces), `seed` (share of the largest value below which background begins),
        `tolerance` (step of intensity that it spreads over, as a share of the image's range), `strength`.

    Returns
    -------
    Explanation
        With `refined` (and so its title) and a note that say so, and how much of the map has changed, or why nothing
        has. A replay gives the map as it was. Its
        values are no shares of the score any more.

    Raises
    ------
    InputError
        If a name or an option is unknown, or the volume is not the one that was explained.

    Examples
    --------
    ``wb.explain.score([why, wb.explain.refine(why)], mask=label)`` scores a map with and without.
    """
    fit, parameters = _METHODS[choose(method, _METHODS, "way to refine a map")]
    chosen = check_values(parameters, options, f"The refinement {method!r}")
    image = _image(why, volume)
    values = np.asarray(why.data, np.float64)
    speaks = np.maximum(values, 0)
    inside = fit(image.channels_first().astype(np.float64), speaks, tuple(image.spacing), chosen)
    told = {name: value for name, value in chosen.items() if value != parameters[name].default}
    refinements = [*why.refinements, [method, told]]
    if inside.all() or not (speaks * inside).any():
        found = "it is nowhere (nearly) zero" if inside.all() else "no piece of it stands out from the image around it"
        note = f"PerimeterFit left the map as it is: {found}."
        return dataclasses.replace(
            why, refined=f"{method}, unchanged", refinements=refinements, notes=(*why.notes, note)
        )
    raised = speaks * (1 + chosen["strength"] * inside)
    kept = float((speaks * inside).sum() / speaks.sum())
    moved = float(np.abs(raised / raised.sum() - speaks / speaks.sum()).sum() / 2)
    little = moved < _LITTLE
    note = (
        f"Refined by PerimeterFit: {kept:.0%} of what speaks for the target lies within edges of the image; "
        f"{moved:.1%} of the map's weight has come to other voxels{', so that it looks as it did' if little else ''}."
    )
    made = dataclasses.replace(
        why, conserved=False, refined=f"{method}, hardly changed" if little else method, refinements=refinements,
        notes=(*why.notes, note),
    )  # fmt: skip
    return made.with_data((values - speaks + raised).astype(np.float32))


def _image(why: Explanation, volume: Volume | None) -> Volume:
    """Return the volume that a map explains."""
    image = volume if volume is not None else why.request.volume if why.knows_model else None
    if image is None:
        raise InputError(
            "wb.explain.refine(): volume must be what was explained, as a map that was read from a file does not hold "
            "it, got None. Give volume=."
        )
    if image.fingerprint() != why.input_fingerprint:
        raise InputError(f"wb.explain.refine(): volume must be the one that was explained, got another, {image!r}.")
    return image


def perimeter_fit(image: Array, speaks: Array, spacing: tuple[float, ...], options: Mapping[str, Any]) -> Array:
    """Return where a map lies within edges of an image by two partitions of it, ``[*spatial]`` bool.

    Parameters
    ----------
    image : ndarray
        ``[channels, *spatial]`` float64.
    speaks : ndarray
        ``[*spatial]``, not negative.
    spacing : tuple of float
        In mm.
    """
    low, high = np.percentile(image, (1, 99), axis=tuple(range(1, image.ndim)), keepdims=True)
    scaled = np.divide(image - low, high - low, out=np.zeros_like(image), where=high > low)
    side = _SIDES[speaks.ndim]
    fine = options["count"] or max(4, round(speaks.size / side**speaks.ndim))
    seeds = speaks <= options["seed"] * speaks.max()
    parts = [superpixels(scaled.astype(np.float32), max(4, round(fine / scale)), spacing) for scale in (1, _COARSER)]
    kept = [_not_reached(scaled, labels, seeds, options["tolerance"]) for labels in parts]
    return np.asarray(kept[0] & kept[1])


def _not_reached(image: Array, labels: Array, seeds: Array, tolerance: float) -> Array:
    """Return the pieces that the background does not spread to from its seeds, ``[*spatial]`` bool.

    Parameters
    ----------
    labels : ndarray
        ``[*spatial]``, the number of each voxel's piece from 1.
    seeds : ndarray of bool
        ``[*spatial]``; a piece is background where most of it is.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(labels.max()) + 1
    sizes = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    means = np.stack([np.bincount(labels.ravel(), channel.ravel(), count) / sizes for channel in image])
    background = np.bincount(labels.ravel(), seeds.ravel(), count) > sizes / 2
    one, other = _neighbours(labels)
    alike = np.abs(means[:, one] - means[:, other]).max(axis=0) <= tolerance
    pairs = coo_array((np.ones(alike.sum()), (one[alike], other[alike])), shape=(count, count))
    _, group = connected_components(pairs, directed=False)
    reached = np.isin(group, group[1:][background[1:]])
    return np.asarray(~reached[labels])


def _neighbours(labels: Array) -> tuple[Array, Array]:
    """Return the pairs of pieces that touch by a face."""
    sides = []
    for axis in range(labels.ndim):
        moved = np.moveaxis(labels, axis, 0)
        pair = np.stack([moved[:-1].ravel(), moved[1:].ravel()])
        sides.append(pair[:, pair[0] != pair[1]])
    one, other = np.unique(np.concatenate(sides, axis=1), axis=1)
    return one, other


_METHODS: dict[str, tuple[Callable[..., Array], Mapping[str, Parameter]]] = {
    "perimeter-fit": (perimeter_fit, _PERIMETER)
}
