"""What a cell that ends in `run` shows: the run, live."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets as t

from workbench.training import Run
from workbench.widgets._watch import Watcher
from workbench.widgets.code import page
from workbench.widgets.messages import RunSnapshot, synced
from workbench.widgets.panel import Panel, bundle


class RunView(Panel):
    """A live view of one run: progress, curves, stop and resume.

    The run goes on without it: it lives in its own process, and this view only reads its folder.

    Parameters
    ----------
    run : Run
    """

    #: Of the jobs that it shows.
    kind: ClassVar = "training"

    _esm = bundle("run_view")
    _css = bundle("run_view", "css")

    run_state = synced(RunSnapshot, t.Dict())

    actions: ClassVar = {"stop": "stop", "resume": "resume"}
    quick: ClassVar = Panel.quick | {"stop"}

    def __init__(self, run: Run, **traits: Any) -> None:
        self.run = run
        super().__init__(**traits)
        self._watcher = Watcher(run, self._told).start()

    def stop(self) -> None:
        """Ask the run to stop after the step under way."""
        self.run.stop()
        self._watcher.refresh()

    def resume(self, epochs: int | None = None) -> None:
        """Go on where the run stopped."""
        with self.working("Resuming the run"):
            self.run.resume(epochs)
            self._watcher.start()

    def code(self) -> str:
        """Return code that finds the run again."""
        return page(f"from workbench.training import Run\n\nrun = Run({str(self.run.path)!r})", show="run")

    def _told(self, now: RunSnapshot) -> None:
        self.run_state = now
        self.note = ""
