"""What ends a training run and no other job, and what to do about it."""

from __future__ import annotations

from workbench.errors import FileError, InputError, StateError
from workbench.jobs.failures import Failure, disk_is_full
from workbench.training.recipe import Recipe


class NonFiniteLoss(StateError):  # noqa: N818 - says what happened, as StopIteration does
    """The loss became NaN or infinite."""


def explain_failure(error: BaseException, recipe: Recipe | None, *, out_of_memory: bool = False) -> Failure | None:
    """Return cause and remedy of the exception that ended a run; None where they are those of every job.

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
    if isinstance(error, FileNotFoundError | FileError):
        return Failure(str(error), "Put the data back where it was, or correct data in the recipe; then resume().")
    if isinstance(error, InputError):
        return Failure(str(error), "Correct the value that is named, and train again.")
    return None


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
