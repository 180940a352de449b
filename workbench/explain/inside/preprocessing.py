"""How much a score hangs on what is done to a volume before the network sees it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from workbench.errors import InputError, choose
from workbench.evaluation.table import Table
from workbench.explain.activating import evaluate
from workbench.explain.memory import fitting
from workbench.explain.scene import Scene
from workbench.explain.targets import Target, as_target, default_target
from workbench.signatures import Range, checked
from workbench.volume import Volume
from workbench.work import IDLE, Work

_AXES = ("i", "j", "k")


class Sensitivity(Table):
    """How a score changes with each parameter of the preprocessing, the one that it hangs on most first.

    Attributes
    ----------
    score : float
        With the preprocessing as it is.
    target : Target
        What is scored, made concrete.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], score: float, target: Target) -> None:
        super().__init__(rows, digits=4)
        self.score, self.target = score, target


@checked("wb.explain.sensitivity()", "work")
def sensitivity(
    model: Any,
    volume: Volume,
    target: Target | int | str | None = None,
    *,
    change: Annotated[float, Range(above=0, below=1)] = 0.1,
    parameters: Sequence[str] | str | None = None,
    work: Work = IDLE,
) -> Sensitivity:
    """Tell how much a score hangs on each parameter of the preprocessing.

    Each is made smaller and larger, the others left; the volume is prepared anew and the target scored again. A target
    with a place (a region, a voxel) stays where it is in mm.

    Parameters
    ----------
    model : Model
    volume : Volume
    target : Target, int or str, optional
        As for `workbench.explain`; what is predicted is found out once, with the preprocessing as it is.
    change : float
        By which share: of a spacing (where the model takes volumes as they are: of the volume's own) and of a size;
        the ends of an intensity window are moved by that share of its width.
    parameters : sequence of str, or str, optional
        Which ones, of ``"spacing i"``, ``"size j"``, ``"intensity low"``, ``"intensity high"``; all that there are by
        default.
    work : Work, optional
        Told how far it is; stops it.

    Returns
    -------
    Sensitivity
        For each: its value, the smaller and the larger one with their scores, the larger of both differences from
        the score ("effect"), and that as a share of the score's magnitude ("share").

    Raises
    ------
    InputError
        If there is no such parameter, or the target is none of the model's.
    """
    spec = model.preprocess
    known = {name: (value, steps) for name, value, steps in _steps(spec, volume, change)}
    named = [parameters] if isinstance(parameters, str) else parameters
    wanted = list(known) if named is None else [choose(one, known, "parameter to change") for one in named]
    if not wanted:
        raise InputError("wb.explain.sensitivity(): the model must have a parameter to change, got parameters=[].")
    scene = _scene(model, volume)
    given = as_target(target)
    resolved = (given if given is not None else default_target(scene)).resolve(scene)
    score, rows = evaluate(resolved.score, scene.outputs), []
    for place, name in enumerate(wanted):
        work.check()
        value, steps = known[name]
        found = []
        for _, changed in steps:
            other = copy.copy(model)  # the network is shared; the model that was given is not touched
            other.preprocess = changed
            seen = _scene(other, volume)
            found.append(evaluate(resolved.target.resolve(seen).score, seen.outputs))
        effect = max(abs(one - score) for one in found)
        row = {"parameter": name, "value": value, "smaller": steps[0][0], "score at smaller": found[0]}
        row |= {"larger": steps[1][0], "score at larger": found[1], "effect": effect}
        rows.append({**row, "share": effect / abs(score) if score else float("nan")})
        work.tell((place + 1) / len(wanted), name)
    return Sensitivity(sorted(rows, key=lambda row: -row["effect"]), score, resolved.target)


def _scene(model: Any, volume: Volume) -> Scene:
    with fitting(model.framework, volume.spatial_shape):
        prepared = model.prepare(volume)
        return Scene(model, volume, prepared, model.forward(prepared.batch))


def _sized(value: int, factor: float) -> int:
    """Return another size: by one voxel at least, or nothing would be changed."""
    return max(1, min(round(value * factor), value - 1) if factor < 1 else max(round(value * factor), value + 1))


def _steps(
    spec: Mapping[str, Any], volume: Volume, change: float
) -> Iterator[tuple[str, float, list[tuple[float, dict[str, Any]]]]]:
    """Yield each number that can be changed: its name, its value, and two others with what is then to be done."""
    ndim = volume.spatial_ndim
    axes = volume.reorient(spec["orientation"]).spacing if spec["orientation"] else volume.spacing
    sizes = {"spacing": spec["spacing"] or list(axes), "size": spec["size"]}
    for name, values in sizes.items():
        if values is None or (name == "spacing" and spec["size"] is not None and spec["fit"] == "resize"):
            continue  # the size decides
        every = list(values) * ndim if len(values) == 1 else list(values)
        for axis, value in enumerate(every):
            made = []
            for factor in (1 - change, 1 + change):
                other = _sized(value, factor) if name == "size" else value * factor
                made.append((other, {**spec, name: [*every[:axis], other, *every[axis + 1 :]]}))
            yield f"{name} {_AXES[axis]}", value, made
    intensity = spec["intensity"]
    low, high = intensity["low"], intensity["high"]
    if low is None or high is None:
        return
    step = change * (high - low)
    ends = (0.0, 100.0) if intensity["kind"] == "percentile" else (float("-inf"), float("inf"))
    for name, value in (("low", low), ("high", high)):
        others = [min(max(value + off, ends[0]), ends[1]) for off in (-step, step)]
        yield f"intensity {name}", value, [(one, {**spec, "intensity": {**intensity, name: one}}) for one in others]
