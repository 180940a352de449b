"""What the train panel asks for, and what is told of a run as code and as numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench import zoo
from workbench.parameters import Parameter, by_name
from workbench.signatures import of_model
from workbench.training import Optimizer, Recipe, Run
from workbench.widgets.code import Code, call, path_code

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
