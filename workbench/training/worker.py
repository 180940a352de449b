"""The process that does the work: ``python -m workbench.training.worker RUN_DIR``.

Nothing heavy is imported at the top: whatever can go wrong, a missing package included, is to end up in ``status.json``
with its cause and its remedy.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.training import faults
from workbench.training.lock import RunLock
from workbench.training.status import Status, StatusWriter
from workbench.training.store import CONTROL, METRICS, RECIPE, STATUS, read_json, write_json

if TYPE_CHECKING:
    from workbench.training.recipe import Recipe

# Space set aside to be able to say that the disk is full.
_RESERVE, _RESERVE_BYTES = ".reserve", 64 * 1024


def main(arguments: list[str] | None = None) -> int:
    """Run the worker from the command line; return its exit code (0 ended well, 1 failed, 3 somebody else is at it)."""
    parser = argparse.ArgumentParser(prog="python -m workbench.training.worker", description="Train one run.")
    parser.add_argument("folder", type=Path, help="the run directory")
    parser.add_argument("--launch", default="", help="identity of this start, as in launch.json")
    parser.add_argument("--epochs", type=int, help="a new total number of epochs")
    given = parser.parse_args(arguments)
    faulthandler.enable()
    folder = given.folder.resolve()  # before the folder that it is relative to is left
    os.chdir(folder)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    from workbench.errors import StateError

    lock = RunLock(folder)
    try:
        lock.acquire()
    except StateError as error:
        print(error, flush=True)  # noqa: T201 - into log.txt
        return 3
    try:
        state = work(folder, launch=given.launch, epochs=given.epochs, asked_to_stop=lambda: bool(asked))
    finally:
        lock.release()
    return 1 if state == "failed" else 0


def work(
    folder: Path, *, launch: str = "", epochs: int | None = None, asked_to_stop: Callable[[], bool] = lambda: False
) -> str:
    """Take a run from where it stands to its end, whatever that is, and return the final state.

    The caller holds the run's lock.
    """
    known = {field.name for field in fields(Status)}
    before = {key: value for key, value in (read_json(folder / STATUS) or {}).items() if key in known}
    status = StatusWriter(folder, Status(**before))
    words = {"message": "Loading.", "cause": "", "remedy": ""}
    status.update(force=True, state="running", pid=os.getpid(), launch=launch, **words)
    recipe: Recipe | None = None
    try:
        (folder / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))
        faults.point("imports")
        from workbench.training.recipe import Recipe as _Recipe

        recipe = _Recipe.read(folder / RECIPE)
        if epochs is not None and epochs != recipe.epochs:
            recipe.epochs = epochs
            write_json(folder / RECIPE, recipe.model_dump(mode="json"))
        state = _train(folder, recipe, status, asked_to_stop)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told in the status, whatever it is
        _fail(folder, status, error, recipe)
        return "failed"
    finally:
        (folder / _RESERVE).unlink(missing_ok=True)
    (folder / CONTROL).unlink(missing_ok=True)
    message = "Finished." if state == "finished" else "Stopped; resume() goes on from here."
    status.update(force=True, state=state, message=message)
    return state


def _train(folder: Path, recipe: Recipe, status: StatusWriter, asked_to_stop: Callable[[], bool]) -> str:
    from workbench.training.assembly import assemble
    from workbench.training.loop import Loop
    from workbench.training.metrics import MetricsWriter

    parts = assemble(folder, recipe, say=_say)
    with MetricsWriter(folder / METRICS, keep=parts.position.metrics_bytes) as metrics:
        if metrics.missing:
            _say(f"The metrics are {metrics.missing} bytes shorter than at the checkpoint; those lines are lost.")
        loop = Loop(
            folder,
            recipe,
            model=parts.model,
            trainer=parts.trainer,
            batches=parts.batches,
            samples=parts.samples,
            metrics=metrics,
            status=status,
            position=parts.position,
            asked_to_stop=asked_to_stop,
            say=_say,
        )
        if parts.fresh:
            loop.save(resumable=True)
        return loop.run()


def _fail(folder: Path, status: StatusWriter, error: BaseException, recipe: Recipe | None) -> None:
    traceback.print_exception(error)
    sys.stderr.flush()
    try:
        from workbench.training.failures import Failure, explain_failure

        failure = explain_failure(error, recipe, out_of_memory=_out_of_memory(error, recipe))
    except ImportError as missing:
        failure = Failure(f"A package could not be loaded: {missing}.", "`workbench doctor` says what to install.")
    words: dict[str, Any] = {"message": "The run failed.", "cause": failure.cause, "remedy": failure.remedy}
    (folder / _RESERVE).unlink(missing_ok=True)
    (folder / CONTROL).unlink(missing_ok=True)
    status.update(force=True, state="failed", **words)


def _out_of_memory(error: BaseException, recipe: Recipe | None) -> bool:
    # A framework that was never loaded cannot have run out of memory.
    if recipe is None or recipe.framework not in sys.modules:
        return False
    from workbench import frameworks

    return frameworks.get(recipe.framework).out_of_memory(error)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - into log.txt


if __name__ == "__main__":
    sys.exit(main())
