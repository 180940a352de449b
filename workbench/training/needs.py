"""What a process that carries out a recipe needs: of the machine, and in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.jobs.launch import inherited
from workbench.jobs.resources import Resources
from workbench.jobs.threads import available_cores

if TYPE_CHECKING:
    from workbench.training.recipe import Recipe


def needs_of(recipe: Recipe) -> Resources:
    """Return what a run of a recipe needs of a machine, as far as the recipe says."""
    return Resources(cores=recipe.num_threads, gpus=int(recipe.device != "cpu"))


def worker_environment(recipe: Recipe) -> dict[str, str]:
    """Return the environment of a process that is to compute as a recipe says."""
    return of_framework(recipe, inherited(), recipe.num_threads or available_cores())


def of_framework(recipe: Recipe, environment: Mapping[str, str], threads: int) -> dict[str, str]:
    """Return an environment with what the framework of a recipe needs in it."""
    from workbench import frameworks

    return frameworks.worker_environment(
        recipe.framework, environment, threads=threads, deterministic=recipe.deterministic
    )
