"""What the jobs panel and the view of a single job show of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from workbench.errors import WorkbenchError
from workbench.jobs import Job
from workbench.jobs.kind import KINDS
from workbench.jobs.status import ALIVE, said
from workbench.training import Run
from workbench.widgets._watch import when
from workbench.widgets.code import path_code

#: The state in words of a job whose files cannot be read.
UNREADABLE = "unreadable"


class JobRow(TypedDict):
    """What is shown of a job."""

    id: str
    title: str
    alive: bool
    can_resume: bool
    can_open: bool
    kind: NotRequired[Annotated[str, "What the kind is called."]]
    state: NotRequired[str]
    said: NotRequired[Annotated[str, "The state in words."]]
    progress: NotRequired[float]
    told: NotRequired[Annotated[str, "How far it is, what it waits for, or why it failed."]]
    remedy: NotRequired[str]
    when: NotRequired[str]


def row_of(job: Job) -> JobRow:
    """Return what is shown of a job now; of one that cannot be read, why."""
    try:
        status = job.status
        state = status["state"]
        return {
            "id": job.id,
            "title": job.title,
            "kind": KINDS.get(job.kind).title,
            "state": state,
            "said": said(state),
            "alive": state in ALIVE,
            "progress": status["progress"],
            "told": _told(job, status),
            "when": when(status["started"]),
            "remedy": status["remedy"],
            "can_resume": state in ("stopped", "failed", "lost"),
            "can_open": state == "finished" or isinstance(job, Run),
        }
    except WorkbenchError as error:
        return unreadable(job.id, str(error))


def unreadable(name: str, why: str) -> JobRow:
    """Return what is shown of a job that cannot be read."""
    row: JobRow = {"id": name, "title": name, "alive": False, "can_resume": False, "can_open": False}
    return {**row, "kind": "", "state": "failed", "said": UNREADABLE, "told": why}


def job_code(job: Job) -> str:
    """Return the expression that finds a job again."""
    return f"wb.jobs({path_code(job.path.parent)!r})[{job.id!r}]"


def _told(job: Job, status: Mapping[str, Any]) -> str:
    """Return how far a job is, what it waits for, or why it failed."""
    if status["cause"]:
        return str(status["cause"])
    facts, share = job.facts, f"{status['progress']:.0%}"
    message = str(status["message"]).rstrip(".")
    if status["state"] not in ALIVE:
        return "" if facts == share else facts
    # one that has not begun is nowhere yet; a kind that says how far it is says so better than the message
    return message if status["state"] in ("created", "queued") or facts == share else facts
