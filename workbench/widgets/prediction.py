"""What the model answered for the case that is looked at: a layer, bars for classes, a list of what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.evaluation import dice, match_shapes
from workbench.explain import Class, Target, target_at
from workbench.explain.targets.answers import KINDS
from workbench.shapes import Shapes
from workbench.volume import Volume
from workbench.widgets.answers import LIKELY, answer_layer, likely
from workbench.widgets.choice import Choice
from workbench.widgets.desk import Case, Desk, Source
from workbench.widgets.layer import Layer
from workbench.widgets.messages import Answer, AnswerRow
from workbench.zoo.classification import Classification
from workbench.zoo.regression import Regression

#: Rows that are listed of what was found, the surest first.
_MOST_ROWS = 30
_PREDICTION = "prediction"


class Prediction:
    """The newest answer and how it is shown; it stays until another case is looked at or another model answers.

    Parameters
    ----------
    desk : Desk
    changed : callable
        Called when there is another answer, or it is shown otherwise.
    """

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self.answer: Any = None
        self.choice: Choice | None = None
        self.layer: Layer | None = None
        self.color_by = "class"
        self.least = LIKELY
        #: What each row of the list is explained by, None where it is nothing that was found.
        self.targets: list[Target | None] = []
        self._classes: tuple[str, ...] = ()
        self._model_name = "model"

    def show(self, answer: Any, choice: Choice, classes: tuple[str, ...]) -> None:
        """Take a new answer and draw it."""
        self.answer, self.choice, self._classes = answer, choice, classes
        self.draw()

    def draw(self) -> None:
        """Draw the answer anew, as it is to be coloured now."""
        case: Case | None = self._desk.case
        kept = {"visible": self.layer.visible, "opacity": self.layer.opacity} if self.layer is not None else {}
        self._desk.lift(self.layer)
        self.layer = None
        if self.answer is not None and case is not None:
            self.layer = answer_layer(
                self.answer, case.volume, self._classes, truth=case.annotation, color_by=self._colors, least=self.least
            )
            if self.layer is not None:
                self._desk.lay(
                    self.layer,
                    self._arguments,
                    maker="answer_layer",
                    below=self._what_lies_above(),
                    outlines=self._outlines,
                    source=Source(self.answer, _PREDICTION) if isinstance(self.answer, Volume) else None,
                )
                for name, value in kept.items():
                    setattr(self.layer, name, value)
        self._changed()

    def clear(self) -> None:
        """Forget the answer: it is of another case or another model."""
        self._desk.lift(self.layer)
        self.answer = self.choice = self.layer = None
        self._changed()

    @property
    def can_match(self) -> bool:
        """Whether there is a truth of the same kind, which true and false positives can be told by."""
        case: Case | None = self._desk.case
        found, there = _spatial(self.answer), _spatial(case.annotation) if case is not None else None
        if isinstance(found, Volume) and isinstance(there, Volume):
            return found.kind == "labels" and there.kind == "labels"
        return isinstance(found, Shapes) and type(found) is type(there)

    def at(self, model: Any, mm: Sequence[float]) -> Target | None:
        """Return the target for what is drawn at a place, in RAS mm; None where nothing is, or the layer is hidden."""
        if self.layer is None or not self.layer.visible:
            return None
        return target_at(model, self.answer, mm, least=self.least)

    def code(self, model: str) -> str:
        """Return code that makes the answer, as ``prediction``."""
        self._model_name = model
        return f"{_PREDICTION} = {model}.predict(volume)"

    def note(self) -> str:
        """Return the answer in one line."""
        whole = _class(self.answer)
        if whole is not None:
            return f"predicted: {whole.name} ({whole.probability:.0%})"
        if isinstance(self.answer, Regression):
            return f"predicted: {self.answer.names[0]} {self.answer.value:.4g}"
        found = _spatial(self.answer)
        if not isinstance(found, Shapes):
            return "prediction is shown"
        count, kind = len(found), found.kind
        if found.scores is None or not count:
            return f"found {count} {kind}"
        kept = len(likely(found, self.least))
        if not kept:
            return f"no {kind} with a score of {self.least:g} or more; the best of {count} has {found.scores.max():.2f}"
        left = f", {count - kept} below it are not shown" if kept < count else ""
        return f"found {kept} {kind} with a score of {self.least:g} or more{left}"

    def describe(self) -> Answer:
        """Return what the panel lists of the answer, as plain data."""
        self.targets = []
        if self.answer is None or self.choice is None:
            return {}
        case: Case = self._desk.case
        rows: list[AnswerRow] = []
        whole, found = _class(self.answer), _spatial(self.answer)
        if whole is not None:
            rows += _class_rows(whole, case.class_name)
            self.targets += [Class(index) for index in range(len(rows))]
        elif isinstance(self.answer, Regression):
            rows += [
                {"name": name, "told": f"{value:.4g}"}
                for name, value in zip(self.answer.names, self.answer.values, strict=True)
            ]
            self.targets += [Class(index) for index in range(len(rows))]
        if isinstance(found, Shapes):
            rows += self._shape_rows(likely(found, self.least), case)
        elif isinstance(found, Volume) and found.kind == "labels" and self.can_match:
            rows += _label_rows(found, case.annotation)
            self.targets += [self._of_name(row["name"]) for row in rows[len(self.targets) :]]
        for row, target in zip(rows, self.targets, strict=True):
            row["explains"] = target is not None
        return {"title": f"{self.choice.algorithm}, {self.choice.told()}", "note": self.note(), "rows": rows}

    def facts(self) -> dict[str, Any]:
        """Return the answer as plain data for the report; what was found without its place in a list."""
        told = self.describe()
        if not told:
            return {}
        return {"prediction": {"of": told["title"], "answer": told["note"], "by class": _plain(told["rows"])}}

    @property
    def _colors(self) -> str:
        """What the colours mean here: without a truth nothing is right or wrong, whatever was asked for."""
        return "class" if self.color_by == "match" and not self.can_match else self.color_by

    def _arguments(self) -> str:
        parts = [_PREDICTION, "volume", f"{self._model_name}.classes"]
        if self._colors != "class":
            parts.append(f"color_by={self._colors!r}")
        if self._colors == "match":
            parts.append('truth=sample["label"]')
        if self.least != LIKELY and isinstance(_spatial(self.answer), Shapes):
            parts.append(f"least={self.least!r}")
        return ", ".join(parts)

    def _what_lies_above(self) -> Layer | None:
        """Return what the answer goes below: maps and outlines are above what fills; what was missed, above all."""
        layers, truth = self._desk.viewer.layers, self._desk.truth
        if not self._outlines and self._colors != "match":
            return layers[1] if len(layers) > 1 else None
        place = layers.index(truth) + (self._colors == "match") if truth in layers else len(layers)
        return layers[place] if place < len(layers) else None

    @property
    def _outlines(self) -> bool:
        return isinstance(_spatial(self.answer), Shapes)

    def _shape_rows(self, found: Shapes, case: Case) -> list[AnswerRow]:
        there = _spatial(case.annotation)
        hits = match_shapes(found, there) if isinstance(there, Shapes) and type(there) is type(found) else None
        order = np.arange(len(found)) if found.scores is None else np.argsort(-found.scores, kind="stable")
        places: Any = case.volume.to_world(found.onto(case.volume.affine).centers) if len(found) else []
        rows: list[AnswerRow] = []
        for number in order[:_MOST_ROWS]:
            label = int(found.labels[number])
            row: AnswerRow = {"name": self._classes[label] if label < len(self._classes) else f"class {label}"}
            if found.scores is not None:
                row["value"] = round(float(found.scores[number]), 4)
            if hits is not None:
                row["match"] = "true positive" if hits[number] >= 0 else "false positive"
            row["place"] = [round(float(value), 2) for value in places[number]]
            rows.append(row)
            self.targets.append(KINDS[found.kind](found, int(number)))
        if hits is not None and isinstance(there, Shapes):
            missed = len(there) - len(set(hits[hits >= 0].tolist()))
            if missed:
                rows.append({"name": f"{missed} missed", "match": "false negative"})
                self.targets.append(None)
        return rows

    def _of_name(self, name: str) -> Target | None:
        return Class(name) if name in self._classes else None


def _class(answer: Any) -> Classification | None:
    whole = answer.get("class") if isinstance(answer, Mapping) else answer
    return whole if isinstance(whole, Classification) else None


def _spatial(answer: Any) -> Volume | Shapes | None:
    parts = answer.values() if isinstance(answer, Mapping) else [answer]
    return next((part for part in parts if isinstance(part, Volume | Shapes)), None)


def _class_rows(whole: Classification, truth: str) -> list[AnswerRow]:
    pairs = zip(whole.classes, whole.probabilities, strict=True)
    return [{"name": name, "value": round(float(p), 4), "truth": name == truth} for name, p in pairs]


def _label_rows(found: Volume, annotation: Any) -> list[AnswerRow]:
    """Return how well each label of the truth was found; none where the objects have numbers and no names."""
    true = _spatial(annotation)
    names = {value: name for value, name in (true.labels if isinstance(true, Volume) else {}).items() if value}
    if not names or not isinstance(true, Volume):
        return []
    scores = dice(found, true, names)
    told = {name: value for name, value in scores.items() if np.isfinite(value)}
    return [
        {"name": name, "value": round(float(value), 4), "told": f"Dice {value:.2f}"} for name, value in told.items()
    ]


def _plain(rows: list[AnswerRow]) -> dict[str, Any]:
    return {row["name"]: row["value"] for row in rows if "value" in row and "place" not in row}
