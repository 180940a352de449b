"""Jobs below the server's folder, for a page that has no kernel: listed, stopped, resumed, deleted."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict, cast

from workbench import _words
from workbench._lru import LRU
from workbench.errors import FileError, WorkbenchError
from workbench.jobs import Job
from workbench.jobs.beginning import opened
from workbench.jobs.files import LAUNCH, LOCK, NAME, STATUS, TICKET
from workbench.jobs.kind import is_job
from workbench.jobs.listing import newest
from workbench.jobs.status import ALIVE, time_left
from workbench.lab.paths import below, discreet, is_hidden, resolved
from workbench.training import Run
from workbench.training.store import METRICS
from workbench.widgets._job_rows import UNREADABLE, JobRow, row_of, unreadable
from workbench.widgets._watch import Curves, thin
from workbench.widgets.messages import Curve, RunCurves

#: Jobs that are told of, beside older ones under way; more are no list that anybody reads.
MOST_JOBS = 50
#: Runs under way, or compared, whose curves are read on from where they were, and not anew.
_MOST_CURVES = 8
#: Metrics of many long runs take a while when they are read first: the rest of the curves come with the next answer.
_PATIENCE_SECONDS = 0.5
#: Points of a curve that is as wide as a finger.
_POINTS = 60
_DIGITS = 4
#: What changes with a job that has ended: it is resumed, renamed, or its status is written by somebody else.
_TELLING = (STATUS, LAUNCH, LOCK, NAME, TICKET)


class Trend(TypedDict):
    """How a run has gone so far: its score, or else its loss."""

    name: Annotated[str, "What the values are: `dice`, `loss`."]
    by: Annotated[str, "What they are counted by: `epoch`, `step`."]
    points: Curve


class RunRow(JobRow):
    """What the side panel shows of a job."""

    path: Annotated[str, "Its folder, below the server's."]
    can_delete: bool
    has_curves: bool
    device: NotRequired[Annotated[str, "What it computes on."]]
    left: NotRequired[Annotated[str, "How long it will still take, in words."]]
    trend: NotRequired[Trend]


class RunsAnswer(TypedDict):
    """The jobs there are, the newest first."""

    rows: list[RunRow]
    more: Annotated[int, "How many older ones are not told of."]
    outside: Annotated[int, "How many are kept outside of the server's folder, and not told of."]


class CurvesAnswer(TypedDict):
    """How one run went, to be compared with others."""

    path: str
    title: str
    alive: bool
    curves: RunCurves


class Runs:
    """The jobs below the folder that a server shows.

    Parameters
    ----------
    root : str or Path
        That folder; everything outside of it is refused.
    allow_hidden : bool
        Whether what is in hidden folders is shown.
    """

    def __init__(self, root: str | Path, *, allow_hidden: bool = False) -> None:
        self._root, self._allow_hidden = resolved(root), allow_hidden
        self._rows: LRU[str, tuple[object, RunRow]] = LRU(MOST_JOBS)
        self._curves: LRU[str, Curves] = LRU(_MOST_CURVES)
        self._lock = threading.Lock()

    def listed(self, folder: str = "") -> RunsAnswer:
        """Return the jobs in a folder; without one, those of every folder in which this user keeps some.

        Raises
        ------
        FileError
            If the folder is outside of the server's, or is not there.
        """
        chosen = below(self._root, folder, allow_hidden=self._allow_hidden) if folder else None
        with self._lock:
            found = list(dict.fromkeys(path.resolve() for path in newest(chosen, "jobs")))
            mine = [path for path in found if self._shows(path)]
            until = time.monotonic() + _PATIENCE_SECONDS
            # an old one that was resumed is under way all the same
            told = [path for n, path in enumerate(mine) if n < MOST_JOBS or (path / LOCK).is_file()]
            rows = [self._row(path, until) for path in told]
        return {"rows": rows, "more": len(mine) - len(rows), "outside": len(found) - len(mine)}

    def stop(self, path: str) -> None:
        """Ask a job to stop after the step under way; raises as `_job`."""
        self._job(path).stop()

    def resume(self, path: str) -> None:
        """Go on with a job in a new worker; raises as `_job`, and StateError if that is not possible."""
        self._job(path).resume()

    def delete(self, path: str) -> None:
        """Delete the folder of a job; raises as `_job`, and StateError if somebody works on it."""
        self._job(path).delete()

    def curves(self, path: str) -> CurvesAnswer:
        """Return the curves of a run.

        Raises
        ------
        FileError
            As `_job`, or if it is no training run.
        """
        job = self._job(path)
        if not isinstance(job, Run):
            raise FileError(f"Curves are of training runs; {path!r} is of another kind. Choose a training run.")
        with self._lock:
            curves = self._read_on(job, keep=True)
        alive = job.state in ALIVE
        return {"path": self._name(job.path), "title": job.title, "alive": alive, "curves": curves}

    # -- inside -------------------------------------------------------------------------------------------

    def _shows(self, path: Path) -> bool:
        return path.is_relative_to(self._root) and (self._allow_hidden or not is_hidden(self._root, path))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _job(self, path: str) -> Job:
        """Return a job by its folder.

        Raises
        ------
        FileError
            If that is outside of the server's folder, or no folder of a job.
        """
        folder = below(self._root, path, allow_hidden=self._allow_hidden)
        # a project that holds a recipe is not one of its own runs
        if folder == self._root or not is_job(folder) or not (folder / STATUS).is_file():
            raise FileError(
                f"There must be a job at {path!r}, but there is none. Look again: it may have been deleted."
            )
        return _handle(folder)

    def _row(self, path: Path, until: float) -> RunRow:
        stamp, key = _stamp(path), str(path)
        held = self._rows.get(key)
        # what has ended is as it was: with fifty of them, only those under way are read at each look
        if held is not None and held[0] == stamp and not held[1]["alive"]:
            return held[1]
        row, whole = self._read(path, until)
        if whole:
            self._rows.put(key, (stamp, row))
        return row

    def _read(self, path: Path, until: float) -> tuple[RunRow, bool]:
        """Return what is told of a job, and whether that is all there is."""
        whole = True
        try:
            job = _handle(path)
            row = self._begun(path, row_of(job))
            if row["said"] != UNREADABLE:
                whole = self._add(row, job, until)
        except Exception as error:  # noqa: BLE001 - one folder that was tampered with must not hide all others
            why = (
                str(error) if isinstance(error, WorkbenchError) else f"Its files are damaged ({type(error).__name__})."
            )
            row = self._begun(path, unreadable(path.name, why))
        row["title"], row["told"] = (discreet(words, self._root) for words in (row["title"], row["told"]))
        row["remedy"] = discreet(row.get("remedy", ""), self._root)
        return row, whole

    def _begun(self, path: Path, row: JobRow) -> RunRow:
        return cast("RunRow", {**row, "path": self._name(path), "can_delete": True, "has_curves": False})

    def _add(self, row: RunRow, job: Job, until: float) -> bool:
        row["can_delete"] = not row["alive"]
        row["device"] = _device(job)
        if row["state"] == "running":
            row["left"] = time_left(job.status)
        if not isinstance(job, Run) or not (job.path / METRICS).is_file():
            return True
        row["has_curves"] = True
        if time.monotonic() > until:
            return False
        if trend := _trend(self._read_on(job, keep=row["alive"]), job.recipe.monitor):
            row["trend"] = trend
        return True

    def _read_on(self, run: Run, *, keep: bool) -> RunCurves:
        curves = self._curves.get(str(run.path)) or Curves(run)
        if keep:
            self._curves.put(str(run.path), curves)
        return curves.update()


def _handle(folder: Path) -> Job:
    try:
        return opened(folder)
    except WorkbenchError:  # it can be told of and deleted all the same
        return Job(folder)


def _stamp(path: Path) -> tuple[int, ...]:
    def changed(name: str) -> int:
        try:
            return (path / name).stat().st_mtime_ns
        except OSError:
            return 0

    return tuple(changed(name) for name in _TELLING)


def _device(job: Job) -> str:
    """Return what a job computes on, as far as it is known."""
    if isinstance(job, Run):
        return str(job.manifest.get("device") or job.recipe.device)
    needs = job.needs
    if needs.gpus:
        return _words.count(needs.gpus, "GPU")
    return _words.count(needs.cores, "core") if needs.cores else "all cores"


def _trend(curves: RunCurves, monitor: str) -> Trend | None:
    """Return the curve that says most of a run: the monitored score, the loss by epoch, or that by step."""
    scores = curves["metrics"]
    name = monitor.rpartition("/")[2]
    name = name if name in scores else next(iter(scores), "")
    offers = [
        (name, "epoch", scores.get(name, [])),
        ("loss", "epoch", curves["loss"]),
        ("loss", "step", curves["steps"]),
    ]
    for called, by, points in offers:
        # one point is no curve
        if len(points) > 1:
            return {"name": called, "by": by, "points": [_short(point) for point in thin(points, _POINTS)]}
    return None


def _short(point: list[float]) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in point]
