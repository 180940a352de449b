"""Explaining in the background: the request is laid into the folder of a job."""

from __future__ import annotations

from pathlib import Path

from workbench.explain.registry import EXPLAINERS
from workbench.explain.request import Request
from workbench.frameworks._registry import FRAMEWORKS
from workbench.jobs.beginning import begin
from workbench.jobs.files import write_json
from workbench.jobs.job import Job
from workbench.jobs.resources import Placement, Resources
from workbench.zoo.catalogue import ALGORITHMS

_KIND = "explanation"
#: In the folder of such a job: what lists tell of it; what is asked.
NOTE, REQUEST = "explanation.json", "request"
_INSTEAD = "or leave out background=True"


def begin_explanation(request: Request, placement: Placement) -> Job:
    """Start to make a map in a process of its own, and return at once.

    It takes one core unless the placement says more: a map is short, and is let in beside a training of a night, which
    it would wait for if it asked for all.

    Raises
    ------
    InputError
        If the model cannot be saved, other processes do not find the method, the algorithm or the framework, or the
        model has no such class as the target.
    FileError
        If the folder of the job cannot be written.
    """
    model = request.model
    EXPLAINERS.check_elsewhere(request.method, "a job", _INSTEAD)
    ALGORITHMS.check_elsewhere(model.algorithm.name, "a job", _INSTEAD)
    FRAMEWORKS.check_elsewhere(model.framework.name, "a job", _INSTEAD)
    if request.target is not None:
        request.target.check(model, request.volume)
    what = "what is predicted" if request.target is None else request.target
    title = f"{EXPLAINERS.get(request.method).title} of {what}, {model.algorithm.name}"

    def lay_out(folder: Path) -> None:
        request.save(folder / REQUEST)
        write_json(folder / NOTE, {"title": title, "framework": model.framework.name})

    needs = Resources(cores=1, gpus=int(str(model.device) != "cpu"))
    return begin(_KIND, lay_out, word=request.method, needs=needs, placement=placement)
