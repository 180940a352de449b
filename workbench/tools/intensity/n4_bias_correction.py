"""N4 bias field correction."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from workbench.errors import InputError
from workbench.evaluation.overlap import spatial
from workbench.signatures import Range
from workbench.tools._itk import from_itk, itk, to_itk
from workbench.tools.catalogue import tool
from workbench.tools.ports import Labels, Port
from workbench.volume import Volume
from workbench.work import IDLE, Work

#: Levels of grey that Otsu's method tells apart, as in ITK's own examples.
_OTSU_BINS = 200


@tool(
    group="intensity",
    reference="Tustison et al. 2010, N4ITK: improved N3 bias correction, doi 10.1109/TMI.2010.2046908",
    title="N4 bias correction",
)
def n4_bias_correction(
    image: Annotated[Volume, Port("image", channels=1)],
    mask: Labels | None = None,
    *,
    shrink: Annotated[int, Range(1, 16)] = 4,
    iterations: Annotated[Sequence[int], Range(1, 1000)] = (50, 50, 50, 50),
    convergence: Annotated[float, Range(0, log=True)] = 0.001,
    control_points: Annotated[int, Range(4, 32)] = 4,
    work: Work = IDLE,
) -> Annotated[Volume, Port("image", channels=1)]:
    """Even out the slow change of brightness over an MR image.

    Parameters
    ----------
    image : Volume
        Values of which those inside of the mask are above 0.
    mask : Volume, optional
        Where the field is estimated: all that is not 0. By default what is bright by Otsu's threshold.
    shrink : int
        The field is estimated on a grid that is so many times coarser along each axis, which is much faster.
    iterations : sequence of int
        Most steps at each level; at each level the field may change twice as fast as at the last one.
    convergence : float
        A level ends when the field changes by less than this (coefficient of variation of its ratio to the last).
    control_points : int
        Of the B-spline along each axis, at the first level.

    Returns
    -------
    Volume
        float32, in the same unit: the image divided by the field.

    Raises
    ------
    InputError
        If the mask is empty or on another grid, or a value in it is not above 0.
    MissingExtraError
        If SimpleITK is not installed.
    """
    sitk = itk("N4 bias correction")
    values = spatial(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError("N4 needs numbers, got values that are not finite. Replace them first (numpy.nan_to_num).")
    full = to_itk(sitk, values, image)
    inside = _mask(sitk, values, full, image, mask)
    factors = [min(shrink, length) for length in image.spatial_shape]
    field = _log_field(
        sitk,
        sitk.Shrink(full, factors),
        sitk.Shrink(to_itk(sitk, inside.astype(np.uint8), image), factors),
        {"iterations": iterations, "convergence": convergence, "control_points": control_points},
        work,
    ).GetLogBiasFieldAsImage(full)
    return image.with_data(values / np.exp(from_itk(sitk, field)))


def _mask(sitk: Any, values: Any, full: Any, image: Volume, mask: Volume | None) -> Any:
    """Return where the field is estimated, as array of bool."""
    if mask is not None and not mask.same_grid(image):
        raise InputError(
            f"The mask must lie on the grid of the image, got {mask!r} for {image!r}. "
            "Bring it there: wb.tools.resample(mask, like=image)."
        )
    inside = spatial(mask) != 0 if mask is not None else from_itk(sitk, sitk.OtsuThreshold(full, 0, 1, _OTSU_BINS)) != 0
    if mask is None:
        inside &= values > 0
    if not inside.any():
        raise InputError("No voxel is in the mask, and there is nothing to estimate a field from. Give another mask.")
    if values[inside].min() <= 0:
        raise InputError(
            f"N4 takes the logarithm of the values, got {values[inside].min():g} inside of the mask. Leave out of the "
            "mask what is not above 0, or add a constant first."
        )
    return inside


def _log_field(sitk: Any, image: Any, mask: Any, options: dict[str, Any], work: Work) -> Any:
    """Return the filter that has found the field."""
    if not sitk.GetArrayViewFromImage(mask).any():
        raise InputError(
            "The mask is too thin for the coarse grid, on which nothing of it is left. Give a smaller shrink."
        )
    levels = list(options["iterations"])
    found = sitk.N4BiasFieldCorrectionImageFilter()
    found.SetMaximumNumberOfIterations(levels)
    found.SetConvergenceThreshold(options["convergence"])
    found.SetNumberOfControlPoints([options["control_points"]] * image.GetDimension())

    stopped: list[BaseException] = []

    def look() -> None:
        level = min(found.GetCurrentLevel(), len(levels) - 1)
        within = min(found.GetElapsedIterations() / levels[level], 1.0)
        try:
            work.tell((level + within) / len(levels), f"level {level + 1} of {len(levels)}")
        except BaseException as error:
            stopped.append(error)
            _print_nothing_once()
            raise

    found.AddCommand(sitk.sitkIterationEvent, look)
    try:
        found.Execute(image, mask)
    except RuntimeError:
        if stopped:
            raise stopped[0] from None
        raise
    work.tell(1.0)
    return found


def _print_nothing_once() -> None:
    """Keep SimpleITK from printing what stops it: N4 knows no other way than an error in a call of ours."""
    usual = sys.excepthook

    def hook(*_: Any) -> None:
        sys.excepthook = usual

    sys.excepthook = hook
