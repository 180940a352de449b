"""Predictions over a data set: a model as a tool, whose results are files by case and rows of a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from workbench.datasets import Dataset, load
from workbench.errors import InputError, check_keywords
from workbench.evaluation.table import Table
from workbench.jobs.resources import Placement
from workbench.shapes import Boxes, Ellipses, Shapes
from workbench.tools._writers import check_free
from workbench.tools.base import Tool
from workbench.tools.mapping import Report, carry_out, planned
from workbench.tools.ports import Image, Labels, Port, Scores
from workbench.volume import Volume
from workbench.work import IDLE, Work
from workbench.zoo.background import begin_prediction
from workbench.zoo.checking import check_data
from workbench.zoo.classification import Classification
from workbench.zoo.regression import Regression

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.tools._cases import Plan
    from workbench.zoo.model import Model

_CLASSES = Annotated[Table, Port("table", name="classes")]
#: What comes out, by the task.
_RESULTS: dict[str, Any] = {
    "segmentation": Labels,
    "instances": Labels,
    "localisation": Scores,
    "classification": _CLASSES,
    "detection": Annotated[Table, Port("table", name="boxes")],
    "points": Annotated[Table, Port("table", name="points")],
    "ellipses": Annotated[Table, Port("table", name="ellipses")],
    "regression": Annotated[Table, Port("table", name="numbers")],
    "maps": Scores,
    "joint": tuple[_CLASSES, Annotated[Volume, Port("labels", channels=1, name="mask")]],
}
_AXES = ("i", "j", "k")
#: Options of `tool_of`; and arguments of the call, to be named where one is mistyped.
_OPTIONS, _OF_THE_CALL = ("skip_air", "precision"), ("out", "suffix", "background", "work")


def predict_over(
    model: Model,
    dataset: Dataset | str | Path,
    out: str | Path,
    suffix: str | None,
    background: bool | Placement,
    work: Work,
    options: Mapping[str, Any],
) -> Report | Job:
    """Do what `Model.predict_over` says."""
    check_keywords(options, (*_OPTIONS, *_OF_THE_CALL), "model.predict_over()")
    placement = Placement.of(background)
    if placement and work is not IDLE:
        raise InputError("work must be left out with background=True, got one. Ask the job: job.status, job.stop().")
    if files := isinstance(dataset, str | Path):
        dataset = load("folder", images=dataset, label_names=model.classes)
    check_data(model, dataset)
    # what every case would fail of is said once
    model.framework.check_finite(model.module)
    plan = plan_of(model, dataset, out, suffix, options, named=files)
    check_free(plan.folder)
    if placement:
        return begin_prediction(model, dataset, plan, placement)
    return carry_out(plan, dataset, 1, work)


def plan_of(
    model: Model,
    dataset: Dataset,
    out: str | Path,
    suffix: str | None,
    options: Mapping[str, Any],
    *,
    named: bool = False,
) -> Plan:
    """Return what is to be done with each case, checked, and open the folder of the results."""
    return planned(tool_of(model), dataset, out, None, suffix, options, named=named)


def tool_of(model: Model) -> Tool:
    """Return the tool that answers for an image; its results are those of another model if anything of it differs."""

    def predict(
        image: Image,
        *,
        skip_air: bool = True,
        precision: Literal["float32", "bfloat16", "auto"] = "float32",
        work: Work = IDLE,
    ) -> Any:
        """Answer for an image.

        Parameters
        ----------
        skip_air : bool
            Whether one window of nothing but air stands for all.
        precision : str
            What a network for segmentation computes in.
        """
        answer = model.predict(
            image, skip_air=skip_air, precision=precision, progress=work.tell, cancel=lambda: work.cancelled
        )
        return _results(answer, model.classes, image)

    predict.__name__ = model.name
    predict.__annotations__["return"] = _RESULTS[model.task.kind]
    made = Tool(predict, group="prediction", reference=model.algorithm.card.title, title=model.algorithm.card.title)
    made.holds = {"model": f"{model.name} {fingerprint(model)}"}
    return made


def fingerprint(model: Model) -> str:
    """Return what differs where models answer differently: weights, options, preprocessing, windows, classes."""
    facts = {name: json.loads(told) for name, told in model.metadata().items() if name != "versions"}
    told = json.dumps([facts, model.weights_fingerprint()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _results(answer: Any, classes: tuple[str, ...], image: Volume) -> Any:
    """Return what is written of an answer: volumes as they are, the rest as rows."""
    if isinstance(answer, Mapping):
        return tuple(_results(answer[name], classes, image) for name in ("class", "mask"))
    if isinstance(answer, Classification):
        pairs = zip(answer.classes, answer.probabilities, strict=True)
        return Table([{"class": answer.name, **{f"p({name})": value for name, value in pairs}}])
    if isinstance(answer, Regression):
        return Table([dict(zip(answer.names, answer.values, strict=True))])
    return Table(_rows(answer, classes, image)) if isinstance(answer, Shapes) else answer


def _rows(found: Shapes, classes: tuple[str, ...], image: Volume) -> list[dict[str, Any]]:
    """Return a row for each shape: class, score, its values in voxels of the image, its centre in RAS mm."""
    columns = _columns(found)
    # a picture without physical size has no millimetres
    centers: Any = image.to_world(found.centers) if len(found) and image.space != "pixels" else None
    rows = []
    for number in range(len(found)):
        label = int(found.labels[number])
        row: dict[str, Any] = {"class": classes[label] if label < len(classes) else f"class {label}"}
        if found.scores is not None:
            row["score"] = float(found.scores[number])
        row |= dict(zip(columns, map(float, found.values[number]), strict=True))
        if centers is not None:
            row |= dict(zip(("x_mm", "y_mm", "z_mm"), map(float, np.asarray(centers)[number]), strict=True))
        rows.append(row)
    return rows


def _columns(found: Shapes) -> list[str]:
    axes = _AXES[: found.ndim]
    if isinstance(found, Boxes):
        return [f"{axis}_{end}" for end in ("low", "high") for axis in axes]
    return [*axes, "semi_axis_a", "semi_axis_b", "angle_rad"] if isinstance(found, Ellipses) else [*axes]
