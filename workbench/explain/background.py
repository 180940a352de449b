"""Explaining and scoring in the background: what is asked is laid into the folder of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.explain.cases import cases_in
from workbench.explain.over.cases import ScoringPlan
from workbench.explain.registry import EXPLAINERS
from workbench.explain.request import Request
from workbench.explain.scoring import CHECKS
from workbench.frameworks._registry import FRAMEWORKS
from workbench.jobs.beginning import begin
from workbench.jobs.files import write_json
from workbench.jobs.job import Job
from workbench.jobs.resources import Placement, Resources
from workbench.parameters import plain
from workbench.tools._writers import claim
from workbench.tools.background import kept_data
from workbench.zoo.catalogue import ALGORITHMS

_KIND = "explanation"
#: In the folder of such a job: what lists tell of it; what is asked.
NOTE, REQUEST = "explanation.json", "request"
#: The same of scores over a data set; who is explained.
SCORING_NOTE, MODEL = "explanation-scores.json", "model.safetensors"
_SCORING = "explanation-scores"
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


def begin_scoring(plan: ScoringPlan, placement: Placement) -> Job:
    """Start to score maps over a data set in a process of its own, and return at once.

    It takes all cores as a training does, which it is as long as.

    Raises
    ------
    InputError
        If other processes do not find the algorithm, the framework, a method or a check.
    FileError
        If the folder of the job cannot be written.
    """
    model = plan.model
    model.algorithm.check_elsewhere()
    ALGORITHMS.check_elsewhere(model.name, "a job", _INSTEAD)
    FRAMEWORKS.check_elsewhere(model.framework.name, "a job", _INSTEAD)
    for name, options in plan.methods.items():
        if cases_in(options):
            raise InputError(
                f"The method {name!r}: options of a job over a data set must be plain data, got another case as a "
                "baseline. Take another baseline, or leave out background=True."
            )
        EXPLAINERS.check_elsewhere(name, "a job", _INSTEAD)
    for name in plan.checks:
        CHECKS.check_elsewhere(name, "a job", _INSTEAD)
    note: dict[str, Any] = {
        "algorithm": model.name,
        "framework": model.framework.name,
        "device": str(model.device),
        "methods": {name: plain(options) for name, options in plan.methods.items()},
        "checks": {name: plain(options) for name, options in plan.checks.items()},
        "target": plan.target,
        "mask": plan.mask,
        "split": plan.split,
        "out": str(plan.folder.resolve()),
        "data name": plan.dataset.name,
    }

    def lay_out(folder: Path) -> None:
        model.save(folder / MODEL)
        write_json(folder / SCORING_NOTE, note | {"data": kept_data(plan.dataset, folder)})
        claim(plan.folder, folder)

    needs = Resources(gpus=int(str(model.device) != "cpu"))
    return begin(_SCORING, lay_out, word=model.name, needs=needs, placement=placement)
