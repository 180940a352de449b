"""The small trained models that come with the workbench, found by name from a checkout and from an installed wheel."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from workbench._tables import Listing
from workbench.errors import choose

_INDEX = "index.json"


@dataclass(frozen=True)
class Trained:
    """A trained model that comes with the workbench.

    Attributes
    ----------
    name : str
        What `workbench.zoo.load` takes.
    algorithm, task : str
        What it is and what it does.
    data : dict
        What it was trained on: ``name`` and the options of `workbench.datasets.load`.
    metric, score : str, float
        How it did on cases of the same kind that it had not seen.
    parameters : int
        Number of trainable scalars.
    path : Path
        The weights file.
    """

    name: str
    algorithm: str
    task: str
    data: dict[str, Any]
    metric: str
    score: float
    parameters: int
    path: Path

    @property
    def told(self) -> str:
        """The model in one line: what it does, what it learned from, how well."""
        return f"{self.task}, trained on {self.data['name']}, {self.metric} {self.score:.2f}"


class TrainedList(Listing[Trained]):
    """Trained models, shown as a table."""

    head = ("name", "algorithm", "task", "trained on", "score", "parameters")

    def __init__(self, models: Iterable[Trained] = ()) -> None:
        super().__init__(models)

    def row(self, one: Trained) -> tuple[str, ...]:
        """Return the cells of one model."""
        return _row(one)


def trained() -> TrainedList:
    """Return the small trained models that come with the workbench; they learned from phantoms, so from no patient.

    Examples
    --------
    >>> wb.zoo.load("covid-resnet-phantom-xray").classes
    ('no lesion', 'lesion')
    """
    return TrainedList(_all().values())


def place_of(given: str | Path) -> Path:
    """Return the weights file that `given` names: a path, or the name of a trained model that comes along.

    Raises
    ------
    InputError
        If it is neither a file nor such a name, but written like a name; the message names the nearest.
    """
    path = Path(given).expanduser()
    if isinstance(given, str) and path.name == given and not path.suffix and not path.exists():
        return _all()[choose(given, _all(), "trained model")].path
    return path


@cache
def _all() -> dict[str, Trained]:
    folder = _folder()
    if folder is None:
        return {}
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    found = {}
    for algorithm, entry in sorted(index.items()):
        name = Path(entry["file"]).stem
        found[name] = Trained(
            name=name,
            algorithm=algorithm,
            task=entry["task"],
            data=dict(entry["data"]),
            metric=entry["metric"],
            score=entry["test"],
            parameters=entry["parameters"],
            path=folder / entry["file"],
        )
    return found


def _folder() -> Path | None:
    """Return where the files lie: inside the package in a wheel, beside it in a checkout."""
    room = Path(__file__).resolve().parent
    return next(
        (one for one in (room / "weights", room.parents[1] / "data" / "weights") if (one / _INDEX).is_file()), None
    )


def _row(one: Trained) -> tuple[str, ...]:
    return one.name, one.algorithm, one.task, one.data["name"], f"{one.metric} {one.score:.3f}", f"{one.parameters:,}"
