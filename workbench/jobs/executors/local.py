"""The executor of this machine: workers that are started at once and begin when it is their turn."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.jobs.executors._base import Executor, Ticket, TicketState
from workbench.jobs.executors._limits import Limits
from workbench.jobs.executors._turns import enter
from workbench.jobs.files import LAUNCH, read_json
from workbench.jobs.kind import folders_in, read_note
from workbench.jobs.launch import launch
from workbench.jobs.lock import Owner, holder
from workbench.jobs.places import all_folders
from workbench.jobs.resources import Resources
from workbench.jobs.status import read_status

# Kept so that a worker that ended is buried by its parent and does not stay behind as a zombie.
_started: dict[Path, subprocess.Popen[bytes]] = {}


class Local(Executor):
    """Workers on the machine at hand. What they may take together the settings say (`executors._limits.Limits`)."""

    name = "local"
    title = "This machine"

    def check(self, needs: Resources) -> None:
        """Refuse what needs more than jobs may take together."""
        Limits.here().check(needs)

    def submit(self, folder: Path, needs: Resources, priority: int) -> Ticket:
        """Start a worker, which waits for its turn."""
        limits = Limits.here()
        limits.check(needs)
        process = launch(folder, threads=limits.cores_of(needs), queued=True)
        _started[folder] = process
        owner = Owner.of(process.pid)
        if owner is not None:
            enter(read_json(folder / LAUNCH)["id"], owner, needs, priority)
        return {"owner": None if owner is None else asdict(owner)}

    def state(self, ticket: Ticket) -> TicketState:
        """Return whether the worker lives; whether it waits, its directory tells."""
        alive = ticket["owner"] is not None and Owner.from_json(ticket["owner"]).alive()
        return "running" if alive else "ended"

    def cancel(self, ticket: Ticket) -> None:
        """Do nothing: who waits looks whether it is asked to stop."""


def bury() -> None:
    """Let go of workers that this process has started and that have ended."""
    for path, process in list(_started.items()):
        if process.poll() is not None:
            del _started[path]


def leave(folder: Path, seconds: float) -> None:
    """Wait until the worker on `folder` is gone for good, if this process has started it."""
    worker = _started.get(folder)
    if worker is not None:
        worker.wait(seconds)


def revive() -> list[Path]:
    """Start those again that waited for their turn when the machine went off, and return their directories."""
    revived = []
    for root in all_folders():
        for folder in folders_in(root) if root.is_dir() else ():
            try:
                note = read_note(folder)
                if note.get("executor", Local.name) == Local.name and _was_left_waiting(folder):
                    Local().submit(folder, Resources.from_json(note.get("needs")), int(note.get("priority", 0)))
                    revived.append(folder)
            except WorkbenchError:
                continue  # its row in the list of jobs says what is wrong with it
    return revived


def _was_left_waiting(folder: Path) -> bool:
    return holder(folder) is None and read_status(folder)["state"] == "queued"
