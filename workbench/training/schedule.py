"""The learning rate as a function of the step: no state, so a resumed run has it for nothing."""

from __future__ import annotations

import math

from workbench.training.recipe import Recipe


def learning_rate(recipe: Recipe, global_step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    recipe : Recipe
        Its `optimizer.lr` is the height, its `schedule` the shape.
    global_step : int
        Steps done before this one.
    steps_per_epoch : int
        Steps of an epoch.

    Notes
    -----
    Cosine: Loshchilov & Hutter 2017, eq. 5, without restarts. Poly: Chen et al. 2018 (DeepLab), section 4.
    """
    schedule, height = recipe.schedule, recipe.optimizer.lr
    total = max(1, recipe.epochs * steps_per_epoch)
    # a short run would otherwise be all warm-up and never learn at the rate that was asked for
    warmup = min(schedule.warmup_epochs * steps_per_epoch, total // 2)
    if global_step < warmup:
        return height * (global_step + 1) / (warmup + 1)
    share = min(1.0, (global_step - warmup) / max(1.0, total - warmup))
    match schedule.name:
        case "cosine":
            shape = 0.5 * (1 + math.cos(math.pi * share))
        case "poly":
            shape = (1 - share) ** schedule.power
        case "step":
            return height * schedule.factor ** sum(global_step >= m * total for m in schedule.milestones)
        case _:
            return height
    return height * (schedule.minimum + (1 - schedule.minimum) * shape)
