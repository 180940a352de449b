"""Cases worked on in several processes at once: started anew, told to stop, and missed when they die."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any

from workbench.errors import Cancelled, StateError
from workbench.tools._cases import Cases, Plan
from workbench.work import Work

#: How often it is looked whether somebody cancelled, in seconds.
_LOOK = 0.1
_DIED = "Its process ended without a word, as it does when the memory is full. Try fewer processes, or smaller images."
#: What libraries read, once, to know how many threads they may have.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")

#: What a worker process works with: `Plan`, spec of the data set, the event that stops it, and the cases made of them.
_here: dict[str, Any] = {}


def in_processes(
    cases: Cases, left: list[int], processes: int, work: Work, cores: int | None = None
) -> Generator[tuple[int, str]]:
    """Work on the cases `left` in so many processes; yield each with why it failed, in the order of their ends.

    Parameters
    ----------
    cores : int or None
        How many they share; by default all of the machine.

    Raises
    ------
    StateError
        If no process can be started.
    Cancelled
        If `work` was stopped; what is under way is stopped first.
    """
    lost: list[int] = []
    open_ = list(left)
    while open_:
        seen = set()
        for index, why in _together(cases, open_, min(processes, len(open_)), work, cores):
            seen.add(index)
            if why is None:
                lost.append(index)
            else:
                yield index, why
        open_ = [index for index in open_ if index not in seen]
    # who was it that died, and took the others along? Each by itself tells
    for index in lost:
        for _, why in _together(cases, [index], 1, work, cores):
            yield index, _DIED if why is None else why


def _together(
    cases: Cases, left: list[int], processes: int, work: Work, cores: int | None
) -> Generator[tuple[int, str | None]]:
    """Yield cases with why they failed; with None where a process died before they were finished, and then no more."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    spec = cases.dataset.spec()
    setting = (cases.plan, spec, stop, max(1, (cores or os.cpu_count() or 1) // processes))
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=setting)
    running: dict[Future[str], int] = {}
    ahead, died = iter(left), False
    try:
        _look_whether_they_start(pool)
        while True:
            for index in islice(ahead, 0 if died else 2 * processes - len(running)):
                # samples in memory are handed over; those of files are read where they are worked on
                sample, why = (None, "") if spec is not None else cases.read(index)
                if why:
                    yield index, why
                    continue
                try:
                    running[pool.submit(_run, index, sample)] = index
                except BrokenProcessPool:
                    died = True
                    yield index, None
                    break
            if not running:
                return
            done, _ = wait(running, timeout=_LOOK, return_when=FIRST_COMPLETED)
            work.check()
            for future in done:
                index, error = running.pop(future), future.exception()
                died = died or isinstance(error, BrokenProcessPool)
                yield index, None if isinstance(error, BrokenProcessPool) else future.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _look_whether_they_start(pool: ProcessPoolExecutor) -> None:
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool:
        raise StateError(
            "No other process can be started here. In a script, call it under `if __name__ == '__main__':`; anywhere, "
            "processes=1 works."
        ) from None


def _begin(plan: Plan, spec: dict[str, Any] | None, stop: Any, threads: int) -> None:
    """Note in a new process what its cases need; so many threads are its share of the machine."""
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    _here.update(plan=plan, spec=spec, stop=stop)


def _run(index: int, sample: dict[str, Any] | None) -> str:
    if "cases" not in _here:
        from workbench.datasets import from_spec

        _here["cases"] = Cases(_here["plan"], None if _here["spec"] is None else from_spec(_here["spec"]))
    cases: Cases = _here["cases"]
    work = Work(cancel=_here["stop"])
    try:
        return cases.run(index, work) if sample is None else cases.work_on(index, sample, work)
    except Cancelled:
        return "It was cancelled."
