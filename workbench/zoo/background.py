"""Predictions over a data set as a kind of job: they go on when the notebook is closed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import frameworks
from workbench.datasets import Dataset, from_spec
from workbench.errors import FileError
from workbench.frameworks._registry import FRAMEWORKS
from workbench.jobs.files import read_json, write_json
from workbench.jobs.job import Job, begin
from workbench.jobs.resources import Placement, Resources
from workbench.jobs.status import Words
from workbench.parameters import plain
from workbench.tools._cases import Plan
from workbench.tools._writers import claim
from workbench.tools.background import OverCases, kept_data
from workbench.zoo.catalogue import ALGORITHMS
from workbench.zoo.predicting import plan_of

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing
    from workbench.zoo.model import Model

_NOTE, _MODEL = "prediction.json", "model.safetensors"


class Prediction(OverCases):
    """A model that answers for every case of a data set."""

    name = "prediction"
    title = "Prediction over a data set"
    words = Words("job", "it goes on with the cases that are left", "choose a smaller patch_size", _NOTE)

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the framework needs."""
        framework = _note(folder)["framework"]
        return frameworks.worker_environment(framework, environment, threads=threads, deterministic=False)

    def run(self, folder: Path, doing: Doing) -> str:
        """Answer for the cases that are left."""
        from workbench import zoo

        note = _note(folder)
        model = zoo.load(folder / _MODEL, note["framework"], note["device"])
        dataset = from_spec(note["data"])
        return self.go_on(folder, doing, plan_of(model, dataset, note["out"], note["suffix"], note["options"]), dataset)

    def title_of(self, folder: Path) -> str:
        """Return model and data set."""
        note = _note(folder)
        return f"{note['algorithm']} on {note['data name']}"


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
        model.save(folder / _MODEL)
        write_json(folder / _NOTE, note | {"data": kept_data(dataset, folder)})
        claim(plan.folder, folder)

    needs = Resources(gpus=int(str(model.device) != "cpu"))
    return begin(Prediction(), lay_out, word=model.name, needs=needs, placement=placement)


def _note(folder: Path) -> dict[str, Any]:
    note = read_json(folder / _NOTE)
    if note is None:
        raise FileError(f"A job that predicts must hold {_NOTE}; {folder.name} does not. Start it anew.")
    return dict(note)
