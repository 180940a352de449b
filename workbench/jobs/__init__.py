"""Jobs: any work that takes long, as a directory and a process of its own. `wb.jobs()` lists them.

>>> import workbench as wb
>>> data = wb.datasets.load("phantom-xray", n=3, size=32)
>>> job = wb.tools.over("window", data, out="windowed", background=True)
>>> job.wait().state
'finished'
>>> job.result()
window: 3 cases done, 0 failed
>>> wb.jobs()[0] == job
True
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

from workbench._lazy import lazily
from workbench.signatures import checked

if TYPE_CHECKING:
    from workbench.jobs.beginning import begin
    from workbench.jobs.doing import Doing
    from workbench.jobs.files import read_json, write_json
    from workbench.jobs.job import Job
    from workbench.jobs.kind import JobKind, register
    from workbench.jobs.listing import JobList, jobs
    from workbench.jobs.resources import Placement, Resources
    from workbench.jobs.status import Status

# Loaded on first use: the worker, and who only reads a job, need few of them.
_HOMES = {
    "Doing": "doing",
    "Job": "job",
    "JobKind": "kind",
    "JobList": "listing",
    "Placement": "resources",
    "Resources": "resources",
    "Status": "status",
    "begin": "beginning",
    "jobs": "listing",
    "read_json": "files",
    "register": "kind",
    "write_json": "files",
}

__all__ = [
    "Doing",
    "Job",
    "JobKind",
    "JobList",
    "Placement",
    "Resources",
    "Status",
    "begin",
    "jobs",
    "read_json",
    "register",
    "write_json",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)


class _Room(types.ModuleType):
    """The room that can be called: `wb.jobs` is this package, and `wb.jobs()` lists the jobs."""

    @checked("wb.jobs()")
    def __call__(self, folder: str | Path | None = None, kind: str | None = None) -> JobList:
        """Return the jobs, newest first; see :func:`workbench.jobs.jobs`."""
        from workbench.jobs.listing import jobs

        return jobs(folder, kind)


sys.modules[__name__].__class__ = _Room
