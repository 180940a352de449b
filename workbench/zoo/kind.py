"""Prediction over a data set as a kind of job: it goes on when the notebook is closed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import frameworks
from workbench.datasets import from_spec
from workbench.jobs.files import asked_of
from workbench.jobs.status import Words
from workbench.tools.kind import OverCases
from workbench.zoo import load
from workbench.zoo.background import MODEL, NOTE
from workbench.zoo.predicting import plan_of

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing


class Prediction(OverCases):
    """A model that answers for every case of a data set."""

    name = "prediction"
    title = "Prediction over a data set"
    words = Words("job", "it goes on with the cases that are left", "choose a smaller patch_size", NOTE)

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the framework needs."""
        framework = asked_of(folder, NOTE)["framework"]
        return frameworks.worker_environment(framework, environment, threads=threads, deterministic=False)

    def run(self, folder: Path, doing: Doing) -> str:
        """Answer for the cases that are left."""
        note = asked_of(folder, NOTE)
        model = load(folder / MODEL, note["framework"], note["device"])
        dataset = from_spec(note["data"])
        return self.go_on(folder, doing, plan_of(model, dataset, note["out"], note["suffix"], note["options"]), dataset)

    def title_of(self, folder: Path) -> str:
        """Return model and data set."""
        note = asked_of(folder, NOTE)
        return f"{note['algorithm']} on {note['data name']}"
