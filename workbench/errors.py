"""The errors raised on purpose, and the words they share.

Every message states the rule that was broken, the value that was got and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import PurePath

_LONG_LIST = 12  # names; a longer list hides what the message has to say
_NEAR = 5


class WorkbenchError(Exception):
    """Base of every error that the workbench raises on purpose."""


class InputError(WorkbenchError, ValueError):
    """A value that breaks a stated rule: a shape, a name, an option, a label."""


class OutOfRangeError(InputError, IndexError):
    """A place that a sequence does not have; an `IndexError` too, which is how Python's loops end."""


class FileError(WorkbenchError, OSError):
    """A file or folder that is missing, unreadable, unwritable or not what it says it is."""


class StateError(WorkbenchError, RuntimeError):
    """An action that is not possible in the present state (no such device, run already locked, ...)."""


class Cancelled(WorkbenchError, RuntimeError):  # noqa: N818 - it reports a wish of the user, not a fault
    """Work was cancelled before it was finished; nothing partial is returned."""


class MissingExtraError(StateError):
    """Something optional was chosen that is not installed.

    Parameters
    ----------
    what : str
        What was asked for, in the user's words (``"The MindSpore framework"``).
    extra : str
        The extra that brings it (``"mindspore"``).
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} is not installed. Install it with `pip install 'medical-workbench[{extra}]'` "
            f"(in a checkout: `make lab EXTRAS={extra}`)."
        )
        self.extra = extra


def choose(value: str, valid: Iterable[str], what: str, listed: str = "") -> str:
    """Return `value` if it is one of `valid`, else raise an error that names the nearest valid one.

    Parameters
    ----------
    value : str
        What was given.
    valid : iterable of str
        All that may be.
    what : str
        What one of them is, in the user's words.
    listed : str
        What lists all (``"wb.jobs()"``). A long list is then cut down to those that come near.

    Raises
    ------
    InputError
        If `value` is not in `valid`.
    """
    options = list(valid)
    if value in options:
        return value
    told = f"Valid: {_listing(options)}."
    if listed and (not options or len(options) > _LONG_LIST):
        near = difflib.get_close_matches(str(value), options, n=_NEAR, cutoff=0.4)
        told = f"{listed} lists all." if options else f"There is none yet; {listed} lists them."
        told = f"Names like it: {', '.join(near)}. {told}" if near else told
    raise InputError(f"Unknown {what} {value!r}.{_nearest(value, options)} {told}")


def check_keywords(given: Iterable[str], valid: Iterable[str], owner: str, documented: str = "") -> None:
    """Raise an error that names the first keyword of `given` that `owner` does not take.

    Parameters
    ----------
    given, valid : iterable of str
        The keywords that were given, and all that may be.
    owner : str
        What takes them, in the user's words.
    documented : str
        Where all are documented (``"help(wb.train)"``). A long list is then cut down to those that come near.

    Raises
    ------
    InputError
        If a keyword is not in `valid`; the message names the nearest valid one.
    """
    options = list(valid)
    for keyword in given:
        if keyword not in options:
            if documented and len(options) > _LONG_LIST:
                near = difflib.get_close_matches(str(keyword), options, n=_NEAR, cutoff=0.4)
                listing = (f"Names like it: {', '.join(near)}. " if near else "") + (
                    f"All {len(options)} options are documented in {documented}."
                )
            else:
                listing = f"Valid options: {_listing(options)}."
            raise InputError(f"{owner} got an unknown option {keyword!r}.{_nearest(keyword, options)} {listing}")


def reason(error: Exception) -> str:
    """Return what somebody else's error says, as a sentence: ``"ImportError: No module named 'x'."``."""
    said = str(error).strip() or "no reason given"
    return f"{type(error).__name__}: {said}{'' if said.endswith('.') else '.'}"


def check_suffix(path: PurePath, valid: Sequence[str], what: str) -> None:
    """Check that the name of a file that is to be written says what it will be, or nothing.

    Parameters
    ----------
    path : Path
        The file.
    valid : sequence of str
        The suffixes that say it: ``(".json", ".yaml")``.
    what : str
        What is written, in the user's words: "A recipe".

    Raises
    ------
    InputError
        If it has another suffix.
    """
    if path.suffix.lower() not in ("", *valid):
        listing = " or ".join(valid)
        raise InputError(
            f"{what} is written as {listing}, and {path.name} ends as another kind of file. Let it end in {listing}."
        )


def _nearest(value: str, options: list[str]) -> str:
    matches = difflib.get_close_matches(str(value).lower(), [o.lower() for o in options], n=1, cutoff=0.5)
    if not matches:
        return ""
    return f" Did you mean {next(o for o in options if o.lower() == matches[0])!r}?"


def _listing(options: list[str]) -> str:
    return ", ".join(sorted(options)) if options else "none"
