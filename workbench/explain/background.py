"""An explanation as a kind of job: the request lies in its folder, and the map when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import frameworks
from workbench.errors import FileError
from workbench.explain.explanation import Explanation
from workbench.explain.registry import EXPLAINERS
from workbench.explain.request import Request
from workbench.frameworks._registry import FRAMEWORKS
from workbench.jobs.files import read_json, write_json
from workbench.jobs.job import Job, begin
from workbench.jobs.kind import JobKind
from workbench.jobs.resources import Placement, Resources
from workbench.jobs.status import Words
from workbench.work import Work

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing

#: What lists tell of it; what is asked; the map, with its description beside it.
_NOTE, _REQUEST, _MAP = "explanation.json", "request", "map.npz"
_INSTEAD = "or leave out background=True"


class Explaining(JobKind):
    """One map, made as a request asks for it."""

    name = "explanation"
    title = "Explanation"
    words = Words("job", "it makes the map anew", "choose a smaller batch_size", _NOTE, "makes the map anew")

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the framework needs."""
        framework = _note(folder)["framework"]
        return frameworks.worker_environment(framework, environment, threads=threads, deterministic=False)

    def run(self, folder: Path, doing: Doing) -> str:
        """Make the map, from its first step on."""
        request = Request.load(folder / _REQUEST)
        words = f"{EXPLAINERS.get(request.method).title}: making the map."
        work = Work(lambda fraction, _: doing.work.tell(fraction, words), doing.work.cancel)
        request.run(work=work).save(folder / _MAP)
        return "finished"

    def result(self, folder: Path) -> Explanation:
        """Return the map; to replay it, take model and volume of ``Request.load(job.path / "request")``."""
        return Explanation.load(folder / _MAP)

    def title_of(self, folder: Path) -> str:
        """Return method, target and model."""
        return str(_note(folder)["title"])


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
    from workbench.zoo.catalogue import ALGORITHMS

    model = request.model
    EXPLAINERS.check_elsewhere(request.method, "a job", _INSTEAD)
    ALGORITHMS.check_elsewhere(model.algorithm.name, "a job", _INSTEAD)
    FRAMEWORKS.check_elsewhere(model.framework.name, "a job", _INSTEAD)
    if request.target is not None:
        request.target.check(model, request.volume)
    what = "what is predicted" if request.target is None else request.target
    title = f"{EXPLAINERS.get(request.method).title} of {what}, {model.algorithm.name}"

    def lay_out(folder: Path) -> None:
        request.save(folder / _REQUEST)
        write_json(folder / _NOTE, {"title": title, "framework": model.framework.name})

    needs = Resources(cores=1, gpus=int(str(model.device) != "cpu"))
    return begin(Explaining(), lay_out, word=request.method, needs=needs, placement=placement)


def _note(folder: Path) -> dict[str, Any]:
    note = read_json(folder / _NOTE)
    if note is None:
        raise FileError(f"A job that explains must hold {_NOTE}; {folder.name} does not. Start it anew.")
    return dict(note)
