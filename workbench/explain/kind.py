"""Explanations, and their scores over a data set, as kinds of job: what is asked lies in the folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import frameworks
from workbench.datasets import from_spec
from workbench.explain.background import MODEL, NOTE, REQUEST, SCORING_NOTE
from workbench.explain.explanation import Explanation
from workbench.explain.over.leaderboard import SUMMARY, OverScores
from workbench.explain.over.running import carry_out, plan_score_over
from workbench.explain.registry import EXPLAINERS
from workbench.explain.request import Request
from workbench.jobs.files import asked_of, read_json
from workbench.jobs.kind import JobKind
from workbench.jobs.status import Words
from workbench.tools._writers import check_free, claim, release
from workbench.work import Work
from workbench.zoo import load

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


class ScoringOver(JobKind):
    """The maps of several methods, scored for every case of a data set."""

    name = "explanation-scores"
    title = "Scores of explanations"
    words = Words("job", "it goes on with the cases that are left", "choose a smaller batch_size", SCORING_NOTE)

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the framework needs."""
        framework = asked_of(folder, SCORING_NOTE)["framework"]
        return frameworks.worker_environment(framework, environment, threads=threads, deterministic=False)

    def run(self, folder: Path, doing: Doing) -> str:
        """Score the cases that are left."""
        note = asked_of(folder, SCORING_NOTE)
        model = load(folder / MODEL, note["framework"], note["device"])
        asked = {name: note[name] for name in ("methods", "checks", "out", "target", "mask", "split")}
        plan = plan_score_over(model, from_spec(note["data"]), **asked)
        check_free(plan.folder, folder)
        claim(plan.folder, folder)
        plan.open()
        carry_out(plan, doing.work)
        release(plan.folder, folder)
        return "finished"

    def result(self, folder: Path) -> OverScores:
        """Return what was found."""
        return OverScores(asked_of(folder, SCORING_NOTE)["out"])

    def title_of(self, folder: Path) -> str:
        """Return methods, model and data set."""
        note = asked_of(folder, SCORING_NOTE)
        return f"{', '.join(note['methods'])} of {note['algorithm']} on {note['data name']}"

    def facts(self, folder: Path, status: Mapping[str, Any]) -> str:
        """Return which method leads; while it works, the share."""
        if status["state"] != "finished":
            return super().facts(folder, status)
        # a list asks for this often, and to count anew takes long
        summary = read_json(Path(asked_of(folder, SCORING_NOTE)["out"]) / SUMMARY)
        return (
            f"{summary['leaderboard'][0]['method']} first, {summary['headline']}" if summary else "its folder is gone"
        )
