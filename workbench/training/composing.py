"""From what a person says to a complete recipe, and its data set."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, check_keywords, choose
from workbench.training.checking import check_task, settle
from workbench.training.recipe import Optimizer, Recipe, read_mapping

if TYPE_CHECKING:
    from workbench.datasets import Dataset
    from workbench.zoo import Algorithm

#: What other libraries call an option, or take as one, and what is to be done here.
_ELSEWHERE = {
    "learning_rate": "It is called lr here: lr=1e-3.",
    "num_epochs": "It is called epochs here.",
    "max_epochs": "It is called epochs here.",
    "in_channels": "The data decide it: dataset.in_channels.",
    "num_classes": "The data decide it: dataset.num_classes.",
    "classes": "The data decide them: dataset.classes.",
    "background": "Training is always done in the background: leave it out. "
    "placement=wb.jobs.Placement(...) says where and when.",
    "executor": "It belongs into placement=wb.jobs.Placement(executor=...).",
    "priority": "It belongs into placement=wb.jobs.Placement(priority=...).",
    "needs": "It belongs into placement=wb.jobs.Placement(needs=...).",
}
_OPTIMIZER_KEYS = tuple(name for name in Optimizer.model_fields if name != "name")


#: Arguments of `train` that are no keys of a recipe, to be named where one is mistyped.
_OF_THE_CALL = ("folder", "name", "placement", "recipe")


def compose(
    recipe: str | Path | Mapping[str, Any] | Recipe | None, data: str | Dataset | None, values: Mapping[str, Any]
) -> tuple[Recipe, Dataset]:
    """Return the complete recipe of a run, with the reasons of what was proposed, and its data set."""
    from workbench import datasets, frameworks, zoo
    from workbench.zoo.planning import Facts

    base = _base(recipe)
    name = values.get("algorithm") or base.get("algorithm")
    if not name:
        raise InputError('Training needs an algorithm: train("3d-unet", data=...). `wb.zoo.list()` lists them.')
    algorithm = zoo.algorithm(name)
    _check_keys(values, algorithm)
    if data is None and not base.get("data"):
        raise InputError("Training needs data: data= takes a data set or a name. `wb.datasets.list()` lists them.")
    if data is None:
        dataset = datasets.from_spec(base["data"])
    else:
        dataset = datasets.load(data) if isinstance(data, str) else data
    if not isinstance(dataset, datasets.Dataset):
        raise InputError(
            f"Training takes a data set or the name of one, got {type(data).__name__}. Make one of a list of samples "
            "with `wb.datasets.from_list(...)`."
        )
    check_task(algorithm, dataset)
    # Empty for one that lives in memory; it is saved with the run.
    spec = dataset.spec() or {}
    # The splits of a recipe hold indices into the recipe's own data; those of other data are what that data set says.
    foreign = data is not None and bool(base.get("data")) and base["data"] != spec
    kept = None if foreign or "splits" in values else base.get("splits")
    splits = kept or {key: list(indices) for key, indices in dataset.splits.items()}
    cases = None if values.get("splits") else len(splits.get("train", ()))
    plan = algorithm.plan(replace(Facts.of(dataset), cases=cases))
    merged = _merge({**plan, **base, "algorithm": algorithm.name, "data": spec, "splits": splits}, values, algorithm)
    merged["splits"] = merged["splits"] or splits
    framework = choose(merged.get("framework", frameworks.DEFAULT), frameworks.names(), "framework")
    device = merged.get("device", "cpu")
    # What can be refused at once should not wait for the worker to find out; but the default on the CPU is always
    # there, and importing it here would only take the user's time.
    if (framework, device) != (frameworks.DEFAULT, "cpu"):
        merged["device"] = frameworks.resolve_device(frameworks.get(framework), device)
    complete = Recipe(**merged)
    settle(complete, algorithm, dataset)
    monitored = complete.monitor.removeprefix("val/")
    # what is scored label by label ("dice/liver") may only be known once there are scores
    if "/" not in monitored:
        choose(monitored, algorithm.task.metrics(dataset.classes).compute(), "validation score to monitor")
    complete.give_reasons({key: why for key, why in plan.reasons.items() if merged[key] == plan[key]})
    return complete, dataset


def _base(recipe: str | Path | Mapping[str, Any] | Recipe | None) -> dict[str, Any]:
    match recipe:
        case None:
            return {}
        case Recipe():
            return recipe.model_dump()
        case Mapping():
            return dict(recipe)
        case Path():
            return read_mapping(recipe)
        case str() if Path(recipe).suffix in (".json", ".yaml", ".yml"):
            return read_mapping(Path(recipe))
        case str():
            return {"algorithm": recipe}
    raise InputError(f"recipe must be an algorithm's name, a file, a dict or a Recipe, got {type(recipe).__name__}.")


def _check_keys(values: Mapping[str, Any], algorithm: Algorithm) -> None:
    valid = dict.fromkeys([*Recipe.model_fields, *_OPTIMIZER_KEYS, *algorithm.options(), "variant", *_OF_THE_CALL])
    elsewhere = {name: words for name, words in _ELSEWHERE.items() if name not in valid}
    for name in values:
        like = difflib.get_close_matches(name, [*valid, *elsewhere], n=1, cutoff=0.8)
        if name not in valid and like and like[0] in elsewhere:
            raise InputError(f"Unknown train() option {name!r}. {elsewhere[like[0]]}")
    check_keywords(values, valid, "train()", "help(wb.train)")


def _merge(merged: dict[str, Any], values: Mapping[str, Any], algorithm: Algorithm) -> dict[str, Any]:
    options = algorithm.options()
    values = dict(values)
    variant = values.pop("variant", None)
    if variant is not None:
        variants = algorithm.card.variants
        merged["options"] = {
            **variants[choose(variant, variants, f"variant of {algorithm.name}")],
            **_plain(merged.get("options")),
        }
    for key, value in values.items():
        if key in ("optimizer", "schedule") and isinstance(value, str):
            merged[key] = {**_plain(merged.get(key)), "name": value}
        elif key in ("optimizer", "schedule", "preprocess", "loss", "options") and isinstance(value, Mapping):
            merged[key] = {**_plain(merged.get(key)), **value}
        elif key in Recipe.model_fields:
            merged[key] = value
        elif key in _OPTIMIZER_KEYS:
            merged["optimizer"] = {**_plain(merged.get("optimizer")), key: value}
        else:
            merged["options"] = {**_plain(merged.get("options")), key: value}
    for key, value in (merged.get("options") or {}).items():
        check_keywords([key], options, f"Algorithm {algorithm.name!r}")
        options[key].check(value, algorithm.name)
    return merged


def _plain(value: Any) -> dict[str, Any]:
    return value.model_dump() if hasattr(value, "model_dump") else dict(value or {})
