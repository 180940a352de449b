"""The files that every job has, and how they are written so that a crash never leaves half of one.

========================  ============================================  ==========================
file                      what it holds                                 who writes it
========================  ============================================  ==========================
``job.json``              kind, needs, priority, executor               who starts the job, once
``status.json``           where the job stands (replaced whole)         who starts it, then the worker
``log.txt``               what the workers printed                      the worker
``lock.json``             who works here (pid, start time, heartbeat)   the worker
``launch.json``           the worker last started                       `launch`
``ticket.json``           what the executor gave for the job            who starts it
``order.json``            what the next worker is asked to change       `Job.resume`
``control.json``          a request to the worker (``stop``)            `Job.stop`
``name.json``             a name that a person gave                     `Job.rename`
``data/``                 samples of an in-memory data set              who starts the job
========================  ============================================  ==========================

What else is there belongs to the kind of job.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from workbench import _atomic
from workbench.errors import FileError, InputError

JOB = "job.json"
STATUS = "status.json"
LOG = "log.txt"
LOCK = "lock.json"
LAUNCH = "launch.json"
TICKET = "ticket.json"
ORDER = "order.json"
CONTROL = "control.json"
NAME = "name.json"
DATA = "data"

_LONGEST_NAME = 80


def plain(value: Any) -> Any:
    """Return `value` with every non-finite number replaced by None, as JSON has no NaN."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replace the file `path` by `value` as JSON; a reader sees the old or the new file, never a part.

    Parameters
    ----------
    path : Path
        File to replace.
    value : object
        Anything JSON can hold; NaN and infinities become null.
    durable : bool
        Whether to wait until the disk has it (a power cut then keeps the old or the new file too).

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
    """
    _atomic.write_text(path, json.dumps(plain(value), indent=1, allow_nan=False), durable=durable)


def read_json(path: Path, default: Any = None) -> Any:
    """Return the JSON value in `path`, or `default` if there is no such file.

    Raises
    ------
    FileError
        If the file is there but is not JSON.
    """
    try:
        return json.loads(_atomic.patiently(lambda: path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return default
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileError(
            f"{path.name} in {path.parent.name} must hold JSON, but it does not ({error}). "
            "It was edited or damaged; restore it, or start anew."
        ) from error


def read_record(path: Path, *needed: str) -> dict[str, Any]:
    """Return the JSON object in `path`; an empty one if there is no such file.

    Raises
    ------
    FileError
        If the file is there but is no JSON object with all that is `needed`.
    """
    found = read_json(path)
    if found is None:
        return {}
    if not isinstance(found, dict) or not found.keys() >= set(needed):
        what = f"an object with {', '.join(needed)}" if needed else "an object"
        raise FileError(
            f"{path.name} in {path.parent.name} must hold {what}, got {str(found)[:40]!r}. "
            "It was edited or damaged; restore it, or start anew."
        )
    return found


def check_name(name: str, noun: str = "job") -> str:
    """Return the name of a job without space around it.

    Raises
    ------
    InputError
        If it is not text of one line of at most 80 characters.
    """
    if not isinstance(name, str) or len(name.strip()) > _LONGEST_NAME or len(name.strip().splitlines()) > 1:
        raise InputError(f"The name of a {noun} is one line of at most {_LONGEST_NAME} characters, got {name!r}.")
    return name.strip()


def asked_of(folder: Path, name: str) -> dict[str, Any]:
    """Return what is asked of a job, from the file in which its kind keeps that.

    Raises
    ------
    FileError
        If it is not there, or is not JSON.
    """
    asked = read_json(folder / name)
    if asked is None:
        raise FileError(f"A job of this kind must hold {name}; {folder.name} does not. Start it anew.")
    return dict(asked)
