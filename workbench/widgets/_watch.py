"""Watching a run: a snapshot for the front end, and a thread that renews it while the run is alive.

The run directory is the truth and is only read here; a kernel that was busy or restarted misses nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.jobs.status import ALIVE, said, time_left
from workbench.training import Checkpoint, Run
from workbench.widgets.messages import Curve, RunCurves, RunSnapshot

Snapshot = RunSnapshot
Points = list[tuple[float, float]]

_POLL_SECONDS = 0.5
#: Points of a curve that are sent; a chart is some 300 pixels wide.
_MOST_POINTS = 240


class Curves:
    """The curves of a run, read on from where the last reading ended."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._cursor: Any = None
        self.clear()

    def clear(self) -> None:
        self.steps: Points = []
        self.loss: Points = []
        self.metrics: dict[str, Points] = {}

    def update(self) -> RunCurves:
        """Return the curves with everything that was written so far."""
        news = self._run.follow(self._cursor)
        if news.restarted:
            self.clear()
        self._cursor = news.cursor
        per_epoch = self._run.status["steps_per_epoch"] or 1
        for line in news.lines:
            if line["kind"] == "step":
                self.steps.append((line["step"] / per_epoch, line["loss"]))
            elif line["kind"] == "epoch":
                self.loss.append((line["epoch"], line["loss"]))
                for name, value in (line.get("val") or {}).items():
                    if isinstance(value, (int, float)) and name != "loss":
                        # `dice/liver` beside `dice`: the label alone says it, and fits the legend
                        self.metrics.setdefault(name.rpartition("/")[2], []).append((line["epoch"], value))
        return {
            "steps": thin(self.steps),
            "loss": thin(self.loss),
            "metrics": {name: thin(points) for name, points in self.metrics.items()},
        }


def thin(points: Iterable[Sequence[float]], most: int = _MOST_POINTS) -> Curve:
    """Return at most so many points: the mean of each stretch, the last point as it is; never a NaN."""
    real = [(x, y) for x, y in points if y == y and abs(y) != float("inf")]
    if len(real) <= most:
        return [[x, y] for x, y in real]
    out = []
    for n in range(most):
        part = real[n * len(real) // most : (n + 1) * len(real) // most]
        out.append([part[-1][0], sum(y for _, y in part) / len(part)])
    return [*out[:-1], list(real[-1])]


def learned(run: Run) -> list[Checkpoint]:
    """Return the checkpoints of a run that hold more than the weights it began with."""
    return [checkpoint for checkpoint in run.checkpoints() if checkpoint.learned]


def snapshot(run: Run, curves: Curves) -> Snapshot:
    """Return everything that a front end shows of a run, as plain data."""
    status = run.status
    recipe = run.recipe
    return {
        "id": run.id,
        "title": run.title,
        "told": f"{recipe.algorithm} on {run.data_name}, started {when(status['started'])}",
        "name": run.name,
        "state": status["state"],
        "said": said(status["state"]),
        "progress": status["progress"],
        "line": line(status),
        "message": status["message"],
        "cause": status["cause"],
        "remedy": status["remedy"],
        "best": status["best_score"],
        "curves": curves.update(),
    }


def line(status: dict[str, Any], now: float | None = None) -> str:
    """Return one line about how far a run is: ``epoch 3/10, step 12/40, 2 minutes left``."""
    parts = [f"epoch {status['epoch']}/{status['epochs']}"]
    if status["state"] in ALIVE and status["epoch"]:
        parts.append(f"step {status['step']}/{status['steps_per_epoch']}")
        rest = time_left(status, now)
        parts += [rest] if rest else []
    elif status["state"] == "created":
        parts = ["the worker is starting"]
    if status["best_score"] is not None:
        parts.append(f"best {status['best_score']:.3f} at epoch {status['best_epoch']}")
    return ", ".join(parts)


def when(seconds: float) -> str:
    """Return a moment (seconds since 1970) to the second, in local time: ``2026-11-21 14:03:12``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


class Watcher:
    """A daemon thread that calls `tell` with a new snapshot whenever a run moved on; it ends when the run has ended."""

    def __init__(self, run: Run, tell: Callable[[Snapshot], None]) -> None:
        self.run = run
        self._tell = tell
        self._curves = Curves(run)
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> Watcher:
        """Tell the state of now, and go on in the background while the run is alive."""
        if self.refresh()["state"] in ALIVE and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._watch, name="run-watcher", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop telling."""
        self._closed.set()

    def refresh(self) -> Snapshot:
        """Tell the state of now."""
        with self._reading:
            try:
                now = snapshot(self.run, self._curves)
            except (WorkbenchError, OSError) as error:
                now = {
                    "id": self.run.id,
                    "title": self.run.id,
                    "state": "lost",
                    "said": "unreadable",
                    "line": "",
                    "message": "The run cannot be read.",
                    "cause": str(error),
                    "remedy": "Look into its folder; if it was moved or deleted, choose another run.",
                }
        if not self._closed.is_set():
            self._tell(now)
        return now

    def _watch(self) -> None:
        while not self._closed.wait(_POLL_SECONDS):
            if self.refresh()["state"] not in ALIVE:
                return
