"""An explanation as a kind of job: the request lies in its folder, and the map when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import frameworks
from workbench.explain.background import NOTE, REQUEST
from workbench.explain.explanation import Explanation
from workbench.explain.registry import EXPLAINERS
from workbench.explain.request import Request
from workbench.jobs.files import asked_of
from workbench.jobs.kind import JobKind
from workbench.jobs.status import Words
from workbench.work import Work

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing

#: The map, with its description beside it.
_MAP = "map.npz"


class Explaining(JobKind):
    """One map, made as a request asks for it."""

    name = "explanation"
    title = "Explanation"
    words = Words("job", "it makes the map anew", "choose a smaller batch_size", NOTE, "makes the map anew")

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the framework needs."""
        framework = asked_of(folder, NOTE)["framework"]
        return frameworks.worker_environment(framework, environment, threads=threads, deterministic=False)

    def run(self, folder: Path, doing: Doing) -> str:
        """Make the map, from its first step on."""
        request = Request.load(folder / REQUEST)
        words = f"{EXPLAINERS.get(request.method).title}: making the map."
        work = Work(lambda fraction, _: doing.work.tell(fraction, words), doing.work.cancel)
        request.run(work=work).save(folder / _MAP)
        return "finished"

    def result(self, folder: Path) -> Explanation:
        """Return the map; to replay it, take model and volume of ``Request.load(job.path / "request")``."""
        return Explanation.load(folder / _MAP)

    def title_of(self, folder: Path) -> str:
        """Return method, target and model."""
        return str(asked_of(folder, NOTE)["title"])
