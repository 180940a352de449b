"""The executor of other machines: a dask scheduler hands jobs to its workers, which see the same directories.

What goes over the wire is the path of a directory and no more; what a job is and how far it is stands in there. A
scheduler is started by whoever looks after the machines (``dask scheduler``, dask-jobqueue for Slurm and others,
dask-kubernetes); whom it lets in is its affair, and dask's encryption is for networks that others use too.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from workbench.errors import MissingExtraError, StateError
from workbench.jobs.executors._base import Executor, Ticket, TicketState
from workbench.jobs.files import STATUS, read_json, write_json
from workbench.jobs.launch import launch
from workbench.jobs.lock import holder
from workbench.jobs.places import settings, settings_file
from workbench.jobs.resources import Resources
from workbench.jobs.status import ENDED

VARIABLE = "WORKBENCH_DASK"
_CONNECT_SECONDS = 5.0
#: A scheduler that did not answer is not asked again for so long: lists of jobs are looked at often.
_SILENT_SECONDS = 30.0
_LOOK_SECONDS = 0.5
#: What a worker says that finds another one at work, see `workbench.jobs.worker`.
_HELD = 3
#: Which task of dask was carried out last, in the directory of the job.
_DONE = "dask.json"

#: By address; `distributed.Client` says of few of its methods what they return.
_clients: dict[str, Any] = {}
_silent: dict[str, float] = {}


class Dask(Executor):
    """The workers of a dask scheduler.

    Its address is that of ``WORKBENCH_DASK``, of ``"dask"`` in the settings, or of dask's own configuration. A job that
    needs accelerators goes to workers that were started with ``--resources "GPU=1"``. When a worker or its machine
    dies, the scheduler gives the job to another one, which goes on where it was.
    """

    name = "dask"
    title = "Dask"

    def check(self, needs: Resources) -> None:  # noqa: ARG002 - what workers have is known when there are some
        """Refuse jobs where there is no scheduler."""
        _client(address())

    def submit(self, folder: Path, needs: Resources, priority: int) -> Ticket:
        """Hand the directory to the scheduler."""
        place = address()
        key = f"workbench-{folder.name}-{uuid.uuid4().hex[:8]}"
        resources = {"GPU": needs.gpus} if needs.gpus else None
        client = _client(place)
        future = client.submit(
            carry_out, str(folder), needs.cores, key, key=key, pure=False, priority=priority, resources=resources
        )
        # what is published is kept and can be asked for when the one who submitted it is gone
        client.publish_dataset(future, name=key)
        return {"address": place, "key": key}

    def state(self, ticket: Ticket) -> TicketState:
        """Ask the scheduler."""
        client, key = _client(ticket["address"]), ticket["key"]
        if key not in client.list_datasets():
            return "ended"
        if client.get_dataset(key).status != "pending":
            client.unpublish_dataset(key)
            return "ended"
        # a scheduler hands tasks to workers that are busy, too; at work is what has a stack
        try:
            return "running" if client.call_stack(keys=[key]) else "queued"
        except OSError:
            return "queued"  # the worker that had it has just gone; another one gets it

    def cancel(self, ticket: Ticket) -> None:
        """Take the job from the scheduler."""
        client, key = _client(ticket["address"]), ticket["key"]
        if key in client.list_datasets():
            client.get_dataset(key).cancel(force=True)
            client.unpublish_dataset(key)


def address() -> str:
    """Return where the scheduler is.

    Raises
    ------
    StateError
        If nobody says.
    MissingExtraError
        If dask is not installed.
    """
    found = os.environ.get(VARIABLE) or settings().get("dask")
    found = found or _distributed().config.get("scheduler-address", None)
    if not found:
        raise StateError(
            "The executor 'dask' needs the address of a scheduler, and there is none. Start one (`dask scheduler`, "
            f'then `dask worker tcp://HOST:8786` on each machine) and name it with {VARIABLE}, or as "dask" in '
            f"{settings_file()}."
        )
    return str(found)


def carry_out(folder: str, cores: int | None, key: str) -> str:
    """Do a job on a worker of dask, and return its state; runs there.

    The work is done in a process of its own, as everywhere: what it leaves in memory goes with it. If one is at it
    already, since its dask worker died and it did not, that one is waited for. A scheduler does tasks again whose
    results were lost with a worker; a job that is done is done, and so the key of what was done is noted.
    """
    from distributed import get_worker

    path = Path(folder)
    if read_json(path / _DONE) == {"key": key}:
        return _stored_state(path)
    threads = cores or int(get_worker().state.nthreads)
    while launch(path, threads=threads).wait() == _HELD:
        while holder(path) is not None:
            time.sleep(_LOOK_SECONDS)
        if _stored_state(path) in ENDED:
            break
    write_json(path / _DONE, {"key": key})
    return _stored_state(path)


def _stored_state(path: Path) -> str:
    return str((read_json(path / STATUS) or {}).get("state", ""))


def _client(place: str) -> Any:
    """Return a connection to the scheduler, the same one as long as it holds."""
    client = _clients.get(place)
    if client is not None and client.status == "running":
        return client
    if time.monotonic() < _silent.get(place, 0):
        raise _unanswered(place)
    try:
        client = _distributed().Client(place, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        _silent[place] = time.monotonic() + _SILENT_SECONDS
        raise _unanswered(place) from error
    _clients[place] = client
    return client


def _unanswered(place: str) -> StateError:
    return StateError(f"The dask scheduler must answer at {place}, but does not. Start it, or correct {VARIABLE}.")


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError("dask.distributed, which the executor 'dask' is,", "dask") from error
    return distributed
