"""What went wrong, and what to do about it: every exception that ends a job is told in these two sentences."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from workbench.errors import FileError, InputError, MissingExtraError, WorkbenchError
from workbench.jobs.status import Words


@dataclass(frozen=True)
class Failure:
    """Why a job failed and what to do about it, each in a sentence or two."""

    cause: str
    remedy: str


def explain_failure(error: BaseException, words: Words) -> Failure:
    """Return cause and remedy of the exception that ended a job, as far as they are the same for every kind.

    Parameters
    ----------
    error : BaseException
        What was raised.
    words : Words
        What such a job is called.
    """
    noun = words.noun
    if isinstance(error, MemoryError):
        return Failure("Memory ran out.", f"{words.lighter[0].upper()}{words.lighter[1:]}, then resume().")
    if disk_is_full(error):
        return Failure(f"The disk of the {noun} folder is full.", "Free some space, then resume().")
    if isinstance(error, MissingExtraError):
        return Failure(str(error), "Install it, then resume().")
    if isinstance(error, FileNotFoundError | FileError):
        return Failure(str(error), "Put what is missing back where it was, then resume().")
    if isinstance(error, PermissionError):
        return Failure(str(error), f"Get the right to read the data and to write the {noun} folder; then resume().")
    if isinstance(error, InputError):
        return Failure(str(error), "Correct the value that is named, and start again.")
    if isinstance(error, WorkbenchError):
        return Failure(str(error), "Do what the message says, then resume().")
    if isinstance(error, ImportError):
        return Failure(f"A package could not be loaded: {error}.", "`workbench doctor` says what to install.")
    return Failure(
        f"Unexpected {type(error).__name__}: {error}".rstrip(": "),
        f"log.txt in the {noun} folder holds the trace; report it with {words.record} if it is not your own code.",
    )


def disk_is_full(error: BaseException | None) -> bool:
    """Return whether an exception, or what it came from, says that there is no space left."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        error = error.__cause__
    return False
