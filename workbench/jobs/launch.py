"""Starting a worker that outlives whoever started it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
import uuid
from dataclasses import asdict
from pathlib import Path

import workbench
from workbench.jobs.files import LAUNCH, LOG, write_json
from workbench.jobs.kind import kind_of
from workbench.jobs.lock import Owner
from workbench.jobs.status import LOG_HEAD
from workbench.jobs.threads import available_cores

# Windows: no console, no Ctrl-C from the parent's console, and out of the job that dies with it.
_DETACHED_PROCESS, _NEW_PROCESS_GROUP, _BREAKAWAY_FROM_JOB = 0x8, 0x200, 0x1000000


def launch(folder: Path, *, threads: int | None = None, queued: bool = False) -> subprocess.Popen[bytes]:
    """Start a worker on the directory `folder` of a job and return at once.

    The worker gets a session of its own, so neither an interrupt nor the end of the kernel reaches it, and the
    directory as working directory, so that what a library drops there stays with the job.

    Parameters
    ----------
    folder : Path
        The directory.
    threads : int, optional
        That it computes with; by default those that the job asks for, or the cores of this machine.
    queued : bool
        Whether it begins only when it is its turn among the jobs of this machine.

    Raises
    ------
    FileError, InputError, StateError
        If it is no job, or its kind is not here.
    """
    kind = kind_of(folder)
    threads = threads or kind.resources(folder).cores or available_cores()
    environment = dict(kind.environment(folder, inherited(), threads))
    identity = uuid.uuid4().hex
    # -P: nothing in the directory may be imported in place of a package.
    command = [sys.executable, "-P", "-m", "workbench.jobs.worker", str(folder), "--launch", identity]
    if queued:
        command.append("--queued")
    with (folder / LOG).open("ab") as log:
        log.write(f"{LOG_HEAD}{time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
        log.flush()
        process = _start(command, folder, environment, log.fileno())
    owner = Owner.of(process.pid) or Owner(platform.node(), "", process.pid, -1.0)
    write_json(folder / LAUNCH, {"id": identity, "time": time.time(), "owner": asdict(owner)}, durable=False)
    return process


def _start(command: list[str], folder: Path, environment: dict[str, str], log: int) -> subprocess.Popen[bytes]:
    def start(**options: int | bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603 - our own interpreter and module
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options
        )

    if os.name != "nt":
        return start(start_new_session=True)
    try:
        return start(creationflags=_DETACHED_PROCESS | _NEW_PROCESS_GROUP | _BREAKAWAY_FROM_JOB)
    except PermissionError:
        # Some jobs forbid breaking away; the worker then lives as long as that job.
        return start(creationflags=_DETACHED_PROCESS | _NEW_PROCESS_GROUP)


def inherited() -> dict[str, str]:
    """Return the environment of this process, with what a worker needs to find the package."""
    environment = dict(os.environ)
    root = str(Path(workbench.__file__).resolve().parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH", "")]))
    environment["PYTHONUNBUFFERED"] = "1"
    return environment
