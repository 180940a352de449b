"""What the model answers for the case that is looked at, and how that is shown: the predicting half of the panel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t

from workbench.errors import Cancelled
from workbench.parameters import Parameter, Schema, by_name
from workbench.widgets._explain_offers import ExplainOffers
from workbench.widgets._network import subject, with_network
from workbench.widgets._pace import VERY_SLOW, Pace
from workbench.widgets._work import Work
from workbench.widgets.answers import COLOR_BY, LIKELY
from workbench.widgets.choice import Choice
from workbench.widgets.desk import Case, Desk
from workbench.widgets.messages import Answer, synced
from workbench.widgets.prediction import Prediction

if TYPE_CHECKING:
    from workbench.volume import Volume
    from workbench.zoo import Model
    from workbench.zoo.inference import PredictionEstimate

LEAST = Parameter(
    "least", "number", LIKELY, "Boxes, points and ellipses with a lower score are counted and not drawn.",
    low=0, high=1, label="Least score",
)  # fmt: skip


class ExplainPredicts(ExplainOffers):
    """The part of the explain panel that predicts.

    Attributes
    ----------
    prediction : object or None
        What the model answered last, for the case that is looked at.
    """

    answer_told = synced(Answer, t.Dict(help="What the model answered"))
    color_by = t.Enum(COLOR_BY, "class").tag(sync=True)
    can_match = t.Bool(False).tag(sync=True)
    least = t.Float(LIKELY).tag(sync=True)
    form = synced(list[Schema], t.List(t.Dict()))

    actions: ClassVar = {"predict": "predict_asked"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        super().__init__(desk, form=[LEAST.schema()], **traits)
        self._pace = Pace()
        self._answer = Prediction(self.desk, self._answer_changed)
        self.desk.observe(self._another_model, "choice")

    @property
    def prediction(self) -> Any:
        """What the model answered last."""
        return self._answer.answer

    def predict(self) -> Any:
        """Predict the case shown; labels, maps and outlines become a layer, classes become bars, and stay."""
        with self.working("Predicting", cancellable=True) as work:
            case, choice, model = self._subject(work)
            work.say("Predicting")
            began = time.monotonic()

            def progress(fraction: float) -> None:
                work.tell(fraction, f"Predicting: {fraction:.0%}")

            answer = with_network(
                self.desk, work, lambda: model.predict(case.volume, progress=progress, cancel=work.cancel.is_set)
            )
            self._same_case(case)
            self._pace.note(choice, case.volume, 1, time.monotonic() - began)
            self._answer.show(answer, choice, tuple(model.classes))
            self.note = self._answer.note()
        return answer

    def predict_asked(self) -> None:
        """Predict as a click asks for: where that would take long, say for how long and ask first."""
        with self.working("Looking at what the prediction takes", cancellable=True) as work:
            case, _, model = self._subject(work)
            expected = with_network(self.desk, work, lambda: _expected(model, case.volume))
            self._same_case(case)
        if expected is None or expected.seconds < VERY_SLOW:
            self.predict()
        else:
            text = f"It takes {expected} beside the network itself (measured on one window, on this device)."
            self.ask("This prediction would take long.", text, "Predict", self.predict)

    def fields(self) -> dict[str, Parameter]:
        """Return the one field that is not an option of a method."""
        return by_name(LEAST)

    # -- inside -------------------------------------------------------------------------------------------

    def _subject(self, work: Work) -> tuple[Case, Choice, Model]:
        case, choice, model = subject(self.desk, work)
        self._built_changed({"new": model})
        return case, choice, model

    def _same_case(self, case: Case) -> None:
        if not self.desk.is_current(case):
            raise Cancelled("Another case was chosen meanwhile; nothing was changed.")

    def _another_model(self, change: Any) -> None:
        """Put an answer away that is in the words of another model."""
        choice, answered = change["new"], self._answer.choice
        if answered is not None and (
            choice is None or (choice.algorithm, choice.classes) != (answered.algorithm, answered.classes)
        ):
            self._answer.clear()
            self._drawn, self.drawn = None, ""
            self.target = "class" if self.target == "drawn" else self.target

    def _answer_changed(self) -> None:
        self.can_match = self._answer.can_match
        self.answer_told = self._answer.describe()

    @t.observe("color_by", "least")
    def _colors_changed(self, _change: Any) -> None:
        self._answer.color_by, self._answer.least = self.color_by, self.least
        self._answer.draw()
        if self._answer.answer is not None:
            self.note = self._answer.note()

    @t.validate("least")
    def _check_least(self, proposal: Any) -> float:
        return float(LEAST.check(proposal["value"]))


def _expected(model: Model, volume: Volume) -> PredictionEstimate | None:
    """Return what a prediction in several windows takes; a single one is not tried out, as that is all there is."""
    prepared = model.prepare(volume)
    return model.estimate(prepared) if model.windows(prepared) > 1 else None
