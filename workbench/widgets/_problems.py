"""What a panel says about an exception: a title, the cause, the remedy - and never a name from a file path."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import MissingExtraError, WorkbenchError

#: A name of one or two letters is nobody's, and would be found in the middle of words.
_SHORTEST_NAME = 3
_REMEDY_UNEXPECTED = "This is a fault of the workbench, not yours. Please report it with the details below."
_REMEDY_MEMORY = "Choose a smaller batch, a smaller crop or a coarser spacing, or close other programs."


def describe(error: BaseException, doing: str, secrets: Iterable[str] = ()) -> dict[str, str]:
    """Return ``title``, ``cause``, ``remedy`` and ``details`` for the error box of a panel.

    Parameters
    ----------
    error : BaseException
        What was raised.
    doing : str
        What the panel was doing, as it says it while busy (``"Loading hippocampus"``).
    secrets : iterable of str
        Paths that the user typed. Widget state may be saved with the notebook, and a file's name may be a
        patient's: only the suffix is kept.
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
    return {key: _without(text, secrets) for key, text in problem.items()}


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if not secret.strip():
            continue
        path = Path(secret)
        shown = f"<your file>{path.suffix}"
        for form in dict.fromkeys((str(path.expanduser().resolve()), str(path), secret, path.name)):
            if len(form.strip()) >= _SHORTEST_NAME:
                text = text.replace(form, shown)
    return text
