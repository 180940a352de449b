"""What the train panel asks for, and what is told of a run as code and as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench import zoo
from workbench.datasets import Dataset
from workbench.evaluation import Table
from workbench.parameters import Parameter, by_name
from workbench.signatures import of_model
from workbench.training import Optimizer, Recipe, Run, plan
from workbench.widgets._tables import told
from workbench.widgets.code import Code, call, path_code
from workbench.widgets.messages import TableRows
from workbench.zoo.planning import Plan

_RECIPE, _OPTIMIZER = of_model(Recipe), of_model(Optimizer)
FIELDS = by_name(
    *(_RECIPE[name] for name in ("epochs", "batch_size")),
    replace(_OPTIMIZER["lr"], name="learning_rate"),
    _RECIPE["seed"],
    replace(_RECIPE["freeze"], default="", many=False),
    Parameter(
        "called_run", "text", "", "What to call the run in lists.", label="Name", placeholder="may be left empty"
    ),
)


#: What of a plan a field shows: where it stands there.
_PROPOSED = {"epochs": ("epochs",), "batch_size": ("batch_size",), "learning_rate": ("optimizer", "lr")}


def proposed(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a plan proposes for the fields, by name."""
    found: dict[str, Any] = {}
    for name, (key, *inner) in _PROPOSED.items():
        value = plan.get(key)
        for one in inner:
            value = (value or {}).get(one)
        if value is not None:
            found[name] = value
    return found


def proposing(fields: Mapping[str, Parameter], plan: Mapping[str, Any]) -> dict[str, Parameter]:
    """Return fields whose defaults are what a plan proposes, where it does."""
    values = proposed(plan)
    return {name: replace(one, default=values.get(name, one.default)) for name, one in fields.items()}


def reasons(plan: Plan, shown: Mapping[str, Any]) -> dict[str, str]:
    """Return why the fields hold what they hold, by name: of those that hold what a plan proposes."""
    same = [name for name, value in proposed(plan).items() if value == shown[name]]
    return {name: why for name in same if (why := plan.reasons.get(_PROPOSED[name][0]))}


def plan_rows(dataset: Dataset, arguments: Mapping[str, Any]) -> TableRows:
    """Return the recipe that `workbench.train` would follow, with the reason of what it proposes."""
    asked = {key: value for key, value in arguments.items() if key not in ("init", "name")}
    rows = plan(data=dataset, **asked).as_plan().rows()
    head = ("key", "value", "because")
    # what a person typed needs no reason
    return told(Table(dict(zip(head, row, strict=True)) for row in rows), "What Start would follow")


def run_facts(run: Run, line: str) -> dict[str, Any]:
    """Return what the report tells of a run: its state, its recipe in short, its scores."""
    recipe = run.recipe
    return {
        "id": run.id,
        "name": run.name,
        "title": run.title,
        "state": run.state,
        "line": line,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.optimizer.lr,
        "seed": recipe.seed,
        "scores": best_scores(run),
    }


def patterns(text: str) -> tuple[str, ...]:
    """Return the patterns of layers in a text, which are separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def train_code(arguments: dict[str, Any]) -> str:
    shown = dict(arguments)
    name = shown.pop("algorithm")
    if "init" in shown and shown["init"] not in [one.name for one in zoo.trained()]:
        shown["init"] = Code(path_code(shown["init"]))
    return call("run", "wb.train", repr(name), "data=data", **shown)


def best_scores(run: Run) -> dict[str, float]:
    """Return the validation scores of the best epoch, or of the last that has some."""
    validated = [line for line in run.metrics() if line["kind"] == "epoch" and line.get("val")]
    if not validated:
        return {}
    best = run.status["best_epoch"]
    chosen = next((line for line in validated if line["epoch"] == best), validated[-1])
    return {"epoch": chosen["epoch"], **{name: value for name, value in chosen["val"].items() if value is not None}}
