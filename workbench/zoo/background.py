"""Predicting over a data set in the background: the model is laid into the folder of a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.datasets import Dataset
from workbench.frameworks._registry import FRAMEWORKS
from workbench.jobs.beginning import begin
from workbench.jobs.files import write_json
from workbench.jobs.job import Job
from workbench.jobs.resources import Placement, Resources
from workbench.parameters import plain
from workbench.tools._cases import Plan
from workbench.tools._writers import claim
from workbench.tools.background import kept_data
from workbench.zoo.catalogue import ALGORITHMS

if TYPE_CHECKING:
    from workbench.zoo.model import Model

_KIND = "prediction"
#: In the folder of such a job: what is to be done; who answers.
NOTE, MODEL = "prediction.json", "model.safetensors"


def begin_prediction(model: Model, dataset: Dataset, plan: Plan, placement: Placement) -> Job:
    """Start to answer for the cases of a data set in a process of its own, and return at once.

    It takes all cores as a training does, which it is as long as: so each is done sooner, and the last no later.

    Raises
    ------
    InputError
        If other processes do not find the algorithm or the framework.
    FileError
        If the folder of the job cannot be written.
    """
    model.algorithm.check_elsewhere()
    ALGORITHMS.check_elsewhere(model.name, "a job", "or leave out background=True")
    FRAMEWORKS.check_elsewhere(model.framework.name, "a job", "or leave out background=True")
    note: dict[str, Any] = {
        "algorithm": model.name,
        "framework": model.framework.name,
        "device": str(model.device),
        "options": plain(plan.options),
        "suffix": plan.suffix,
        "out": str(plan.folder.resolve()),
        "data name": dataset.name,
    }

    def lay_out(folder: Path) -> None:
        model.save(folder / MODEL)
        write_json(folder / NOTE, note | {"data": kept_data(dataset, folder)})
        claim(plan.folder, folder)

    needs = Resources(gpus=int(str(model.device) != "cpu"))
    return begin(_KIND, lay_out, word=model.name, needs=needs, placement=placement)
