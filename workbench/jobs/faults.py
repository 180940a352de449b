"""Named points at which a test can make a worker fail, as a crash or a broken machine would.

``WORKBENCH_FAULTS="checkpoint.rename:2:kill"`` kills the process with SIGKILL the second time it comes to
``checkpoint.rename``; ``"progress:2:hold"`` keeps it there until somebody asks to stop. Without that variable `point`
costs one dictionary look-up.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections import Counter
from pathlib import Path

from workbench.jobs.files import CONTROL

VARIABLE = "WORKBENCH_FAULTS"
#: Tells, in the working directory, that a process is held.
HELD = ".held"
_passed: Counter[str] = Counter()


def point(name: str) -> None:
    """Fail here if `WORKBENCH_FAULTS` says so, in the stated way.

    Raises
    ------
    OSError
        Action ``full``: no space left on the device.
    MemoryError
        Action ``memory``.
    """
    plan = os.environ.get(VARIABLE)
    if not plan:
        return
    _passed[name] += 1
    for fault in plan.split(","):
        place, count, action = fault.split(":")
        if place == name and int(count) == _passed[name]:
            _fail(action)


def _fail(action: str) -> None:
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        case "memory":
            raise MemoryError
        case "hold":
            Path(HELD).touch()
            # the working directory of a worker is that of its job
            while not Path(CONTROL).exists():
                time.sleep(0.01)
        case _:
            raise ValueError(f"{VARIABLE} knows kill, segfault, full, memory and hold, not {action!r}.")
