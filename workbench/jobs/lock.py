"""Who works in the directory of a job: one worker at a time, and a dead one never blocks the next.

Two things hold together. An advisory lock of the operating system on ``.lock`` is held by the worker for as long as it
lives; it goes with the process, however that ends. ``lock.json`` tells readers who holds it: host, boot, pid, start
time of the process, and a heartbeat (the file's modification time). A pid alone proves nothing: it is given to another
process after a while, or after a reboot; so the start time and the boot are compared too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from workbench.errors import StateError
from workbench.jobs.files import LOCK, read_record, write_json

HEARTBEAT_SECONDS = 5.0
# A worker on another machine cannot be looked up by pid; it counts as alive this long after its last heartbeat.
SILENCE_SECONDS = 60.0
_DYING_SECONDS = 5.0
_GUARD = ".lock"


@dataclass(frozen=True)
class Owner:
    """A process, told apart from every other one that ever had its pid.

    Attributes
    ----------
    host : str
        Name of the machine.
    boot : str
        Changes with every boot of the machine ("" where it cannot be known).
    pid : int
        Process id.
    start : float
        When the process started: clock ticks since boot on Linux, seconds since 1970 elsewhere.
    """

    host: str
    boot: str
    pid: int
    start: float

    @classmethod
    def of(cls, pid: int) -> Owner | None:
        """Return the running process with this `pid`, or None if there is none (or only its remains, a zombie)."""
        start = _start_time(pid)
        return None if start is None else cls(platform.node(), _boot(), pid, start)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Owner:
        """Build from what `dataclasses.asdict` gave."""
        return cls(str(value["host"]), str(value["boot"]), int(value["pid"]), float(value["start"]))

    @property
    def here(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.host == platform.node()

    @property
    def went_with_machine(self) -> bool:
        """Whether this machine was started anew since; True where that cannot be known."""
        return self.here and (not self.boot or self.boot != _boot())

    def alive(self, heartbeat: float | None = None) -> bool:
        """Return whether the process still runs.

        Parameters
        ----------
        heartbeat : float or None
            Time of its last sign of life (seconds since 1970), the only evidence for another machine.
        """
        if not self.here:
            return heartbeat is not None and time.time() - heartbeat < SILENCE_SECONDS
        if self.boot != _boot():
            return False
        start = _start_time(self.pid)
        tolerance = 0.0 if platform.system() == "Linux" else 2.0
        return start is not None and abs(start - self.start) <= tolerance


def holder(folder: Path) -> Owner | None:
    """Return the live process that works in the directory `folder` of a job, or None."""
    path = folder / LOCK
    record = read_record(path, *(one.name for one in fields(Owner)))
    if not record:
        return None
    owner = Owner.from_json(record)
    try:
        heartbeat = path.stat().st_mtime
    except FileNotFoundError:
        return None
    return owner if owner.alive(heartbeat) else None


class JobLock:
    """The right to write in the directory of a job, held from `acquire` to `release` or the end of the process.

    Parameters
    ----------
    folder : Path
        The directory.
    noun : str
        What such a job is called.
    """

    def __init__(self, folder: Path, noun: str = "job") -> None:
        self._folder, self._noun = folder, noun
        self._guard: IO[bytes] | None = None
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        StateError
            If a live process holds it; the message tells its pid.
        """
        guard = (self._folder / _GUARD).open("ab")
        try:
            taken = lock_file(guard)
            other = holder(self._folder)
            # A killed process is counted dead a moment before the system has taken back what its threads held.
            deadline = time.monotonic() + _DYING_SECONDS
            while not taken and other is None and time.monotonic() < deadline:
                time.sleep(0.02)
                taken, other = lock_file(guard), holder(self._folder)
            if not taken or (other is not None and other.pid != os.getpid()):
                who = f"process {other.pid} on {other.host}" if other else "another process"
                raise StateError(
                    f"Only one worker may work in a {self._noun} folder, and {who} works in {self._folder.name}. "
                    f"Stop that {self._noun} first (`{self._noun}.stop()`), or wait for it (`{self._noun}.wait()`)."
                )
            me = Owner.of(os.getpid())
            assert me is not None
            write_json(self._folder / LOCK, asdict(me), durable=False)
        except BaseException:
            guard.close()
            raise
        self._guard = guard
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Give the lock back."""
        if self._guard is None:
            return
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        with contextlib.suppress(FileNotFoundError):
            (self._folder / LOCK).unlink()
        self._guard.close()
        self._guard = None

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT_SECONDS):
            # A full or vanished disk is reported by what works, which writes there too.
            with contextlib.suppress(OSError):
                os.utime(self._folder / LOCK)


def lock_file(stream: IO[bytes]) -> bool:
    """Lock the open file for this process; False if another process has it."""
    if os.name == "nt":
        import msvcrt

        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems have no locks; lock.json alone then decides.
        return error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
    return True


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _start_time(pid: int) -> float | None:
    if platform.system() == "Linux":
        # Ticks since boot do not move when the clock is set, unlike the seconds that psutil computes from them.
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else float(fields[19])
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None
