"""What a panel says about an exception: a title, the cause, the remedy; with the file's name, or without it."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbench.errors import MissingExtraError, WorkbenchError
from workbench.widgets.messages import Problem

#: A name of one or two letters is nobody's, and would be found in the middle of words.
_SHORTEST_NAME = 3
#: Names below a folder that are looked for in a message; a message quotes a few.
_MOST_NAMES = 20_000
_REMEDY_UNEXPECTED = "This is a fault of the workbench, not yours. Please report it with the details below."
_REMEDY_MEMORY = "Choose a smaller batch, a smaller crop or a coarser spacing, or close other programs."


def describe(error: BaseException, doing: str, secrets: Iterable[str] = ()) -> Problem:
    """Return ``title``, ``cause``, ``remedy`` and ``details`` for the error box of a panel.

    Parameters
    ----------
    error : BaseException
        What was raised.
    doing : str
        What the panel was doing, as it says it while busy (``"Loading hippocampus"``).
    secrets : iterable of str
        Paths that the user typed. Widget state may be saved with the notebook, and the name of a file, of a folder
        around it or of a file in it may be a patient's: of all of them only the suffix is kept.
    """
    problem = {"title": f"{doing} failed.", "cause": str(error) or type(error).__name__, "remedy": "", "details": ""}
    if isinstance(error, MissingExtraError):
        problem["title"] = f"{doing} needs something that is not installed."
    elif isinstance(error, MemoryError):
        problem |= {"cause": "There is not enough memory.", "remedy": _REMEDY_MEMORY}
    elif not isinstance(error, WorkbenchError):
        problem["cause"] = f"{type(error).__name__}: {error}"
        problem["remedy"] = _REMEDY_UNEXPECTED
        problem["details"] = "".join(traceback.format_exception(error))
    clean: Any = {key: without(text, secrets) for key, text in problem.items()}
    told: Problem = clean
    return told


def without(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the names of files and folders that `secrets` leads to."""
    for secret in secrets:
        if secret.strip():
            for name, shown in _names(secret):
                if len(name.strip()) >= _SHORTEST_NAME and name in text:
                    text = text.replace(name, shown)
    return text


def _names(secret: str) -> Iterable[tuple[str, str]]:
    """Yield what may not be told of a path, the longest first, and what is told instead."""
    path = Path(secret)
    whole = path.expanduser().resolve()
    shown = f"<your file>{''.join(path.suffixes[-1:])}"
    yield from ((form, shown) for form in dict.fromkeys((str(whole), str(path), secret, path.name)))
    if whole.is_dir():
        below = itertools.islice(whole.rglob("*"), _MOST_NAMES)
        yield from ((entry.name, f"<a file in it>{entry.suffix}") for entry in below)
    yield (whole.stem, "<your file>")
    # a message about a folder that is missing names that folder
    yield from ((str(parent), "<your folder>") for parent in _private(whole))
    yield from ((parent.name, "<your folder>") for parent in _private(whole))


def _private(path: Path) -> list[Path]:
    """Return the folders around a path, but for those that are everybody's: the root, the home, where we work."""
    common = {*Path.cwd().parents, Path.cwd(), *Path.home().parents, Path.home()}
    return [parent for parent in path.parents if parent not in common and len(parent.parts) > 2]
