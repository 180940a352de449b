"""The base of the panels: work in the background, errors that are never lost."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest

from workbench.errors import InputError, MissingExtraError, StateError
from workbench.explain import Cancelled
from workbench.widgets.panel import Panel, bundle


class Kitchen(Panel):
    """A panel that can cook, burn and wait."""

    actions: ClassVar = {"cook": "cook", "burn": "burn", "simmer": "simmer", "order": "order"}

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.may_end = threading.Event()
        self.cooked: list[str] = []
        super().__init__()

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append(content)

    def cook(self, dish: str) -> str:
        with self.working("Cooking"):
            self.cooked.append(dish)
        return dish

    def burn(self) -> None:
        with self.working("Cooking"):
            raise InputError("The heat must be at most 9, got 12. Turn it down.")

    def order(self) -> None:
        with self.working("Ordering"):
            raise MissingExtraError("The oven", "oven")

    def simmer(self) -> None:
        with self.working("Simmering", cancellable=True):
            while not self.may_end.wait(0.01):
                self.tell(0.5, "Simmering: half done")

    def taste(self) -> None:
        with self.working("Tasting", yielding=True):
            self.cooked.append("a spoonful")

    def code(self) -> str:
        if not self.cooked:
            raise StateError("Nothing was cooked.")
        return f"cook({self.cooked[-1]!r})"

    def click(self, **message: Any) -> None:
        self._on_message(self, message, [])


def test_work_is_shown_while_it_lasts_and_not_after() -> None:
    panel = Kitchen()
    seen: list[str] = []
    panel.observe(lambda change: seen.append(change["new"]), "busy")
    assert panel.cook("soup") == "soup"
    assert seen == ["Cooking", ""]
    assert panel.problem == {}


def test_an_error_is_raised_in_python_and_told_in_the_panel() -> None:
    panel = Kitchen()
    with pytest.raises(InputError, match="at most 9"):
        panel.burn()
    assert panel.problem["title"] == "Cooking failed."
    assert "Turn it down" in panel.problem["cause"]
    assert panel.busy == ""
    panel.cook("soup")
    assert panel.problem == {}, "the next attempt takes the message away"


def test_an_error_after_a_click_is_told_in_the_panel_and_kills_nothing() -> None:
    panel = Kitchen()
    panel.click(action="burn")
    panel.wait(5)
    assert "at most 9" in panel.problem["cause"]
    panel.click(action="dismiss")
    assert panel.problem == {}


def test_wrong_arguments_of_a_click_are_told_too() -> None:
    panel = Kitchen()
    panel.click(action="cook", pan="large")
    panel.wait(5)
    assert "pan" in panel.problem["cause"]
    assert panel.problem["details"].startswith("Traceback")


def test_a_missing_extra_says_what_to_install() -> None:
    panel = Kitchen()
    panel.click(action="order")
    panel.wait(5)
    assert "not installed" in panel.problem["title"]
    assert "medical-workbench[oven]" in panel.problem["cause"]


def test_only_listed_actions_can_be_asked_for() -> None:
    panel = Kitchen()
    panel.click(action="close")
    assert panel.comm is not None
    assert "'close'" in panel.problem["cause"]


def test_one_thing_at_a_time_and_cancel() -> None:
    panel = Kitchen()
    panel.click(action="simmer")
    _until(lambda: panel.busy.startswith("Simmering"))
    assert panel.cancellable
    with pytest.raises(StateError, match="is under way"):
        panel.cook("soup")
    assert panel.cooked == []
    panel.click(action="cancel")
    panel.wait(5)
    assert (panel.busy, panel.note, panel.problem) == ("", "cancelled", {})
    assert panel.cook("soup") == "soup", "a cancelled job does not cancel the next"


def test_progress_is_told_and_bounded() -> None:
    panel = Kitchen()
    with panel.working("Counting"):
        panel.tell(7.0, "nearly")
        assert panel.progress == 1.0
        panel.cancel()
        with pytest.raises(Cancelled):
            panel.tell(0.1)
    assert panel.progress == -1.0


def test_work_is_handed_on_to_what_is_no_panel() -> None:
    panel = Kitchen()
    seen: list[tuple[float, str]] = []
    panel.observe(lambda change: seen.append((panel.progress, change["new"])), "busy")
    with panel.working("Cooking", cancellable=True) as handed:
        handed.part(1, 2).tell(1.0, "the second half")
        handed.part(0, 2).tell(1.0)
        panel.cancel()
        with pytest.raises(Cancelled, match="nothing was changed"):
            handed.part(1, 2).check()
    assert panel.progress == -1.0
    assert seen == [(-1.0, "Cooking"), (1.0, "the second half"), (1.0, "")]


def test_code_is_answered_with_the_number_of_the_question() -> None:
    panel = Kitchen()
    panel.click(action="code", ask=7)
    assert panel.sent == [{"answer": 7, "code": "# Nothing was cooked.\n"}]
    panel.cook("soup")
    panel.click(action="code", ask=8)
    assert panel.sent[-1] == {"answer": 8, "code": "cook('soup')"}


def test_a_widget_that_is_not_built_says_how_to_build_it() -> None:
    assert "make widgets" in str(bundle("no_such_widget"))
    assert bundle("no_such_widget", "css") == ""


def _until(condition: Any, seconds: float = 5.0) -> None:
    ticks = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        ticks.wait(0.01)
    raise AssertionError("it did not come to that")


def test_work_that_nobody_asked_for_gives_way_without_a_word() -> None:
    panel = Kitchen()
    panel.in_background(panel.simmer)
    while not panel.busy:
        pass
    other = threading.Thread(target=panel._attempt, args=(panel.taste, {}))
    other.start()
    other.join()
    assert panel.busy.startswith("Simmering")
    assert panel.problem == {}
    assert panel.note == ""
    assert panel.cooked == []
    panel.may_end.set()
    panel.wait(10)
    panel.taste()
    assert panel.cooked == ["a spoonful"]
