"""What the train panel asks for, and what is told of a run as code and as numbers."""

from __future__ import annotations

from typing import Any

from workbench import zoo
from workbench.training import Optimizer, Recipe, Run
from workbench.widgets import _options
from workbench.widgets.code import Code, call, path_code

FIELDS = (
    _options.from_model(
        Recipe, "epochs", label="Epochs", required=True, tooltip="How often each training case is seen",
    ),
    _options.from_model(
        Recipe, "batch_size", label="Batch", required=True,
        tooltip="How many cases make one step; fewer need less memory",
    ),
    _options.from_model(
        Optimizer, "lr", called="learning_rate", label="Learning rate", tooltip="How far one step moves the weights",
        required=True,
    ),
    _options.from_model(Recipe, "seed", label="Seed", tooltip="The same seed gives the same run", required=True),
    _options.field(
        "freeze", "text", "",
        placeholder="encoder.*",
        tooltip="Layers that stay as they are, as name patterns with *, separated by commas",
    ),
    _options.field("called_run", "text", "", label="Name", placeholder="may be left empty",
        tooltip="What to call the run in lists"),
)  # fmt: skip


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
