"""What went wrong, and what to do about it: every exception that ends a run is told in these two sentences."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from workbench.errors import FileError, InputError, MissingExtraError, StateError, WorkbenchError
from workbench.training.recipe import Recipe


class NonFiniteLoss(StateError):  # noqa: N818 - says what happened, as StopIteration does
    """The loss became NaN or infinite."""


@dataclass(frozen=True)
class Failure:
    """Why a run failed and what to do about it, each in a sentence or two."""

    cause: str
    remedy: str


def explain_failure(error: BaseException, recipe: Recipe | None, *, out_of_memory: bool = False) -> Failure:
    """Return cause and remedy of the exception that ended a run.

    Parameters
    ----------
    error : BaseException
        What was raised.
    recipe : Recipe or None
        What was being run, if it could be read.
    out_of_memory : bool
        Whether the framework says that it means lack of memory.
    """
    if out_of_memory or isinstance(error, MemoryError):
        return Failure("Memory ran out.", _smaller(recipe))
    if isinstance(error, NonFiniteLoss):
        lr = f" (it was {recipe.optimizer.lr:g})" if recipe else ""
        return Failure(
            str(error),
            f"Lower the learning rate{lr}, set grad_clip=1.0, and look for NaN in the data.",
        )
    if disk_is_full(error):
        return Failure(
            "The disk of the run folder is full.",
            "Free some space (older runs, checkpoints), then resume(); a larger checkpoint_every needs less of it.",
        )
    if isinstance(error, MissingExtraError):
        return Failure(str(error), "Install it, then resume().")
    if isinstance(error, FileNotFoundError | FileError):
        return Failure(str(error), "Put the data back where it was, or correct data in the recipe; then resume().")
    if isinstance(error, PermissionError):
        return Failure(str(error), "Get the right to read the data and to write the run folder; then resume().")
    if isinstance(error, InputError):
        return Failure(str(error), "Correct the value that is named, and train again.")
    if isinstance(error, WorkbenchError):
        return Failure(str(error), "Do what the message says, then resume().")
    if isinstance(error, ImportError):
        return Failure(f"A package could not be loaded: {error}.", "`workbench doctor` says what to install.")
    return Failure(
        f"Unexpected {type(error).__name__}: {error}".rstrip(": "),
        "log.txt in the run folder holds the trace; report it with the recipe if it is not your own code.",
    )


def disk_is_full(error: BaseException | None) -> bool:
    """Return whether an exception, or what it came from, says that there is no space left."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        error = error.__cause__
    return False


def _smaller(recipe: Recipe | None) -> str:
    if recipe is None:
        return "Lower batch_size or patch_size, or choose a device with more memory."
    steps = []
    if recipe.batch_size > 1:
        steps.append(f"lower batch_size (it was {recipe.batch_size})")
    steps.append(
        f"lower patch_size (it was {recipe.patch_size})" if recipe.patch_size else "set patch_size to train on crops"
    )
    steps.append("choose a device with more memory")
    text = ", or ".join(steps)
    return text[0].upper() + text[1:] + "."
