"""What each occluder of an occlusion map does to the scores: the numbers that the map was averaged from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, StateError
from workbench.evaluation.table import Table
from workbench.explain.activating import evaluate
from workbench.explain.baselines import Window
from workbench.explain.explainers.occlusion import hiding_of, windows_of
from workbench.explain.explanation import Explanation
from workbench.explain.making import Making
from workbench.explain.memory import fitting
from workbench.frameworks import LinearScore
from workbench.signatures import checked
from workbench.volume import Volume
from workbench.work import IDLE, Work


class Occluders(Table):
    """What each occluder does, the one that takes most of the explained score first.

    Attributes
    ----------
    windows : list of tuple of slice
        What each row hides, in voxels of `grid`.
    grid : Volume
        The grid of what the network was given; its voxels say nothing.
    volume : Volume
        The map of the occluders, on the volume's own grid.
    score : float
        The explained score of the input as it is.
    """

    def __init__(
        self, rows: Sequence[dict[str, Any]], windows: Sequence[Window], grid: Volume, volume: Volume, score: float
    ) -> None:
        super().__init__(rows)
        self.windows, self.grid, self.volume, self.score = list(windows), grid, volume, score

    def mask(self, row: int) -> Volume:
        """Return where the occluder of a row lies, as labels on the volume's own grid.

        Raises
        ------
        InputError
            If there is no such row.
        """
        if not 0 <= row < len(self.windows):
            raise InputError(f"mask(): row must be 0 to {len(self.windows) - 1}, got {row}.")
        marked = np.zeros(self.grid.spatial_shape, np.uint8)
        marked[self.windows[row]] = 1
        number = self.rows[row]["occluder"]
        labels = {0: "background", 1: f"occluder {number}"}
        there = Volume(marked, self.grid.affine, kind="labels", labels=labels, space=self.grid.space)
        return there.resample_like(self.volume)


@checked("wb.explain.occluders()", "work")
def occluders(why: Explanation, *, work: Work = IDLE) -> Occluders:
    """Tell what each occluder of an occlusion map does to the score, and of a classifier to each class.

    Each is hidden once more, as it was for the map.

    Parameters
    ----------
    why : Explanation
        Made by ``"occlusion"``, knowing its model and its volume.
    work : Work, optional
        Told how far it is; stops it.

    Returns
    -------
    Occluders
        For each: its number in the order of the rows, its centre in RAS mm, the explained score while it is hidden, by
        how much that is less ("drop"), and of a classifier the probability of each class meanwhile.

    Raises
    ------
    InputError
        If the map is of another method.
    StateError
        If the model or the volume is not known any more.
    Cancelled
        If that was asked for.
    """
    if not isinstance(why, Explanation) or why.method != "occlusion":
        got = f"one of {why.method!r}" if isinstance(why, Explanation) else type(why).__name__
        raise InputError(
            f"wb.explain.occluders(): why must be a map by occlusion, got {got}. Make one: method='occlusion'."
        )
    if not why.knows_model:
        raise StateError("A map that was read from a file does not know its model. Make it again: why.replay().")
    model = why.request.model
    with fitting(model.framework, why.volume.spatial_shape):
        making = Making(why.request)
        making.check_at_once("wb.explain.occluders()")
        problem = making.problem
        windows, _, _ = windows_of(problem)
        hide, _ = hiding_of(problem, making.score)
        classes = _classes(model, problem.score)

        def build(part: range) -> Array:
            inputs = np.repeat(problem.input, len(part), axis=0)
            for sample, index in enumerate(part):
                inputs[sample][(slice(None), *windows[index])] = hide(windows[index])
            return inputs

        def measure(inputs: Array) -> Array:
            outputs = model.forward(inputs)
            each = [_one(outputs, n) for n in range(len(inputs))]
            explained = np.array([[evaluate(problem.score, one)] for one in each])
            return np.hstack([explained, model.algorithm.task.probabilities(outputs)]) if classes else explained

        found: list[Array] = []
        for part, values in problem.feeder.map(len(windows), build, measure):
            found += list(values)
            work.tell(part.stop / len(windows))
    order = sorted(range(len(windows)), key=lambda n: float(found[n][0]))
    rows = []
    for number, n in enumerate(order, start=1):
        centre = [(one.start + one.stop - 1) / 2 for one in windows[n]]
        x, y, z = (round(float(value), 2) for value in making.grid.to_world(centre))
        told = dict(zip(("score", *classes), map(float, found[n]), strict=True))
        row = {"occluder": number, "x mm": x, "y mm": y, "z mm": z, "score": told.pop("score")}
        rows.append({**row, "drop": making.score - row["score"], **told})
    return Occluders(rows, [windows[n] for n in order], making.grid, why.volume, making.score)


def _one(outputs: Any, n: int) -> Any:
    if isinstance(outputs, dict):
        return {name: value[n : n + 1] for name, value in outputs.items()}
    return outputs[n : n + 1]


def _classes(model: Any, explained: LinearScore) -> list[str]:
    """Return what the probability of each class is called, of a network that answers with one number for each class."""
    weights, names = np.asarray(explained.weights), list(model.classes)
    single = weights.ndim == 1 and len(weights) == len(names) > 1
    return [f"P({name})" for name in names] if single else []
