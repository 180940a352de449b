"""What an occluded or absent voxel looks like, in the units of the network's input.

A baseline is to take away what speaks for the score, and nothing else. One that looks like evidence itself turns a map
upside down, and nobody would know: so the score of the baseline is recorded with each map, and one at or above that of
the input is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.cases import Case, checked, is_case
from workbench.parameters import Parameter

if TYPE_CHECKING:
    from workbench.explain.base import Problem

#: Part of the input that is hidden.
Window = tuple[slice, ...]


@dataclass(frozen=True)
class BaselineParameter(Parameter):
    """A baseline, of which there may be several: words and numbers, or other cases as Volumes."""

    def check(self, value: Any, owner: str = "") -> Any:
        """Return `value` as `Parameter.check` does, a Volume as a `Case`; a list of one is that one."""
        if not isinstance(value, list | tuple):
            return self._one_of(value, owner)
        if not value:
            raise self.refused(value, owner)
        checked_ones = [self._one_of(part, owner) for part in value]
        return checked_ones if len(checked_ones) > 1 else checked_ones[0]

    def _one_of(self, value: Any, owner: str) -> Any:
        if is_case(value):
            return checked(value, owner, self.name)
        return super().check(0 if isinstance(value, str) and value == "zero" else value, owner)


#: One baseline alone, for what compares two numbers.
ONE_BASELINE = Parameter(
    "baseline",
    "number",
    "auto",
    "What stands for 'nothing there', after normalisation: a number, the mean of each channel, or the blurred input; "
    "auto takes 0, or where that does not score below the input, the mean or the blurred input.",
    choices=("auto", "mean", "blur"),
)
BASELINE = BaselineParameter(
    "baseline",
    "number",
    ONE_BASELINE.default,
    ONE_BASELINE.help,
    choices=ONE_BASELINE.choices,
    also="another case as a Volume, or a list of several of these, of which the map is the mean",
)
HIDDEN = replace(
    BASELINE,
    help=BASELINE.help + " Or what the borders of a window suggest (inpaint), or the mean of what lies around it.",
    choices=(*BASELINE.choices, "inpaint", "local-mean"),
)
BLUR = Parameter(
    "blur",
    "number",
    None,
    "Standard deviation, used with baseline 'blur'; a thirty-second of each side of the grid if not given.",
    low=0,
    unit="voxels",
)
#: What "auto" takes the first of that scores below the input; 0 as other programs do.
_TRIED = (0, "mean", "blur")
#: Wide enough for what an eighth of the grid holds to be gone, and too narrow for organs to be: on the classifier that
#: comes along, four times as wide a blur removes the lungs too, and maps point at them.
_BLUR_SHARE, _LEAST_BLUR = 1 / 32, 1.0
#: Share of the network's input that another case should cover.
_COVERED = 0.9
#: The rim of a window whose mean is the local mean, as a share of the window.
_RIM = 0.25


@dataclass(frozen=True)
class Baseline:
    """A baseline for one input and one score.

    Parameters
    ----------
    image : ndarray
        ``[channels, *spatial]`` float32.
    score : float
        What it scores.
    notes : tuple of str
        What is to be known of it.
    """

    image: Array
    score: float
    notes: tuple[str, ...]


def find_baseline(problem: Problem, options: Mapping[str, Any], of_input: float) -> Baseline:
    """Return the baseline that the options `baseline` and `blur` ask for.

    With "auto" it is the first of 0, the mean of each channel and the blurred input that scores below the input; where
    none does, 0. One that looks like evidence itself would turn the map upside down.

    Parameters
    ----------
    of_input : float
        Score of the input.
    """
    asked, blur, image = options["baseline"], options["blur"], problem.input[0]
    if isinstance(asked, Case):
        return _other_case(problem, asked, of_input)
    tried: list[tuple[float, Array]] = []
    for kind in _TRIED if asked == "auto" else (asked,):
        made = baseline_like(image, kind, blur)
        score = problem.score_of(made)
        tried.append((score, made))
        if score < of_input:
            break
    score, made = tried[-1] if tried[-1][0] < of_input else tried[0]
    of_part = (OF_PART,) if problem.field is not None and isinstance(kind, str) else ()
    if score >= of_input:
        return Baseline(made, score, (_doubt(score, of_input),))
    if len(tried) == 1:
        return Baseline(made, score, of_part)
    note = (
        f"Zero, the usual baseline, scores {tried[0][0]:.4g} and the input {of_input:.4g}: to the network it is no "
        f"absence. {_NAMES[len(tried) - 2]} was taken instead, which scores {score:.4g}."
    )
    return Baseline(made, score, (note, *of_part))


def _other_case(problem: Problem, case: Case, of_input: float) -> Baseline:
    image, notes = image_of(problem, case)
    score = problem.score_of(image)
    return Baseline(image, score, notes if score < of_input else (*notes, _doubt(score, of_input)))


def image_of(problem: Problem, case: Case) -> tuple[Array, tuple[str, ...]]:
    """Return another case as the network sees it, ``[channels, *spatial]``, and what is to be known of that.

    Raises
    ------
    InputError
        If it does not fit the network, or the problem does not say how cases are laid.
    """
    if problem.lay is None or problem.grid is None:
        raise InputError("Another case as a baseline: the Problem must say how it is laid, got none. Give lay=, grid=.")
    image, covered = problem.lay(case.volume, problem.grid)
    if covered >= _COVERED:
        return image, ()
    note = (
        f"Another case, {case!r}, covers {covered:.0%} of what the network sees of the input; the rest of it is 0 as "
        "padding is. Take one of about the same field of view."
    )
    return image, (note,)


#: What is said where a baseline is taken from a part of a large input.
OF_PART = "What hides the input is made from the part of it that was looked at, not from the whole."
_NAMES = ("The mean of each channel", "The blurred input")


def _doubt(of_baseline: float, of_input: float) -> str:
    return (
        f"The baseline scores {of_baseline:.4g} and the input {of_input:.4g}: to the network the baseline looks more "
        "like what is explained, so that this map may mark what speaks against it. Take another baseline."
    )


def baseline_like(image: Array, baseline: float | str, blur: float | None) -> Array:
    """Return a baseline of the shape of `image`.

    Parameters
    ----------
    image : ndarray
        ``[channels, *spatial]`` float32, as the network sees it.
    baseline : float or "mean" or "blur"
        A number in the normalised units of the input, each channel's mean, or the input blurred.
    blur : float or None
        Standard deviation of the Gaussian in voxels; None is a thirty-second of each side, one voxel at least.
    """
    if baseline == "mean":
        means = image.mean(axis=tuple(range(1, image.ndim)), keepdims=True, dtype=np.float64)
        return np.asarray(np.broadcast_to(means, image.shape), np.float32)
    if baseline == "blur":
        from scipy.ndimage import gaussian_filter

        sigma = [max(size * _BLUR_SHARE, _LEAST_BLUR) for size in image.shape[1:]] if blur is None else blur
        blurred: Array = np.stack([gaussian_filter(channel, sigma) for channel in image]).astype(np.float32)
        return blurred
    return np.full(image.shape, baseline, np.float32)


def inpainted(image: Array, window: Window) -> Array:
    """Return a window as its borders suggest it: values change evenly from side to side, averaged over the axes.

    At the edge of the image the value of the other side is kept on.
    """
    hidden = image[(slice(None), *window)]
    total, axes = np.zeros(hidden.shape, np.float64), 0
    for axis, (part, size) in enumerate(zip(window, image.shape[1:], strict=True), start=1):
        sides = [_slab(image, window, axis, place) for place in (part.start - 1, part.stop) if 0 <= place < size]
        if not sides:
            continue
        share = np.arange(1, part.stop - part.start + 1) / (part.stop - part.start + 1)
        share = share.reshape([-1 if one == axis else 1 for one in range(image.ndim)])
        total += sides[0] * (1 - share) + sides[-1] * share
        axes += 1
    if not axes:  # the window is all there is
        return np.broadcast_to(hidden.mean(axis=tuple(range(1, image.ndim)), keepdims=True), hidden.shape)
    return np.asarray(total / axes, np.float32)


def local_mean(image: Array, window: Window) -> Array:
    """Return a window filled with the mean of each channel over a rim around it, a quarter of the window wide."""
    around = tuple(
        slice(max(0, part.start - rim), min(size, part.stop + rim))
        for part, size in zip(window, image.shape[1:], strict=True)
        for rim in [max(1, round(_RIM * (part.stop - part.start)))]
    )
    hidden, both = image[(slice(None), *window)], image[(slice(None), *around)]
    axes = tuple(range(1, image.ndim))
    count = both[0].size - hidden[0].size
    total = both.sum(axis=axes, keepdims=True, dtype=np.float64)
    if count:
        total -= hidden.sum(axis=axes, keepdims=True, dtype=np.float64)
    return np.asarray(np.broadcast_to(total / (count or both[0].size), hidden.shape), np.float32)


def _slab(image: Array, window: Window, axis: int, place: int) -> Array:
    """Return the voxels beside a window, one thick along `axis`."""
    parts = [slice(None), *window]
    parts[axis] = slice(place, place + 1)
    return image[tuple(parts)]
