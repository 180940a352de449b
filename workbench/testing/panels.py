"""What every panel of the App promises.

A panel stands at an empty desk and at one with a case on it, whoever put that there; other data, or none, are no
trouble to it. Its code can be read by Python, its facts are plain data, its pictures are PNG or SVG. Neither these nor
what a notebook saves of it names a patient or a file. What a click may ask for is there, what is not is told in the
panel. A field that is filled wrongly says so and changes nothing. Its browser half fetches nothing.

A panel's test class inherits `PanelContract` and says what the panel is called.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest

from workbench.errors import InputError
from workbench.io import read, write
from workbench.parameters import REQUIRED, Parameter
from workbench.testing.grids import oblique
from workbench.volume import Volume
from workbench.widgets import App, Case, Desk, DeskPanel
from workbench.widgets.desk_panel import PANELS

PLACES = ("side", "above", "below")
#: How a picture begins.
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"<svg", b"<?xml")
_FETCHES = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*|\bfetch\(\s*)["'`](https?:)?//""")
#: What stands in the name of the file that the case is read from, as a patient's name would.
_PATIENT = "doe-john"


class PanelContract:
    """Inherit, and set `name`: what the App calls the panel."""

    #: What the App calls it.
    name: str

    @pytest.fixture
    def desk(self) -> Desk:
        return Desk()

    @pytest.fixture
    def panel(self, desk: Desk) -> DeskPanel:
        return PANELS.get(self.name)(desk)

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        """A case of a file that is named after a patient."""
        path = write(Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), oblique()), tmp_path / f"{_PATIENT}.nii.gz")
        return Case(read(path).load(), code="volume = wb.read('a.nii.gz')")

    def check_answers(self, panel: DeskPanel) -> None:
        """Check what the App, the report and "Copy as code" are told."""
        for code in (panel.snippet(), panel.code()):
            assert isinstance(code, str)
            ast.parse(code)
        facts = panel.facts()
        assert isinstance(facts, dict), "the report tells facts by heading"
        assert json.loads(json.dumps(facts)) == facts, "facts are plain data"
        for caption, picture in panel.pictures():
            assert caption, "a picture has a caption"
            assert picture.lstrip().startswith(_PICTURES), "a picture is PNG or SVG"
        assert all(isinstance(one, ipywidgets.Widget) for one in panel.extras())

    def test_is_registered(self) -> None:
        assert self.name in PANELS.names()
        kind = PANELS.get(self.name)
        assert kind.called == self.name
        assert isinstance(kind.order, int | float), "`order` says where it stands among the others"
        assert kind.place in PLACES

    def test_stands_in_the_app(self) -> None:
        app = App()
        panel = app.panels[self.name]
        assert panel.desk is app.desk
        assert panel in app.desk.panels
        assert getattr(app, self.name) is panel, (
            f"app.{self.name} must be the panel: call it by a Python name of its own"
        )
        self.check_answers(panel)

    def test_has_a_browser_half_that_fetches_nothing(self) -> None:
        kind = PANELS.get(self.name)
        assert hasattr(kind, "_esm"), "without a module (`_esm`) it shows nothing"
        found = _FETCHES.search(str(kind._esm))
        assert found is None, f"the module fetches {found and found.group()!r}: it must work without a network"

    def test_what_a_click_may_ask_for_is_there(self, panel: DeskPanel) -> None:
        for asked, method in {**panel.actions, **panel.questions}.items():
            assert callable(getattr(panel, method, None)), f"{asked!r} is to call {method!r}, which is no method"
        assert panel.patient <= set(panel.actions), "what is patient is an action"
        for asked in panel.quick - set(panel.actions):
            assert callable(getattr(panel, asked, None)), f"{asked!r} is quick, and neither an action nor a method"

    def test_what_a_click_may_not_ask_for_is_told(self, panel: DeskPanel) -> None:
        panel._on_message(panel, {"action": "no such action"}, [])
        panel.wait(10)
        assert "no such action" in panel.problem["cause"]
        panel.dismiss()
        assert panel.problem == {}

    def test_an_empty_desk_is_no_trouble(self, panel: DeskPanel) -> None:
        self.check_answers(panel)

    def test_a_case_is_no_trouble(self, panel: DeskPanel, desk: Desk, case: Case) -> None:
        desk.put(case)
        panel.wait(60)
        assert panel.problem == {}
        self.check_answers(panel)

    def test_a_case_that_was_there_before_is_no_trouble(self, desk: Desk, case: Case) -> None:
        desk.put(case)
        late = PANELS.get(self.name)(desk)
        late.wait(60)
        assert late.problem == {}
        self.check_answers(late)

    def test_other_data_are_no_trouble(self, panel: DeskPanel, desk: Desk, case: Case) -> None:
        desk.put(case)
        panel.wait(60)
        desk.put(Case(Volume(np.zeros((6, 5), np.uint8)), code="volume = wb.read('b.png')"))
        panel.wait(60)
        assert panel.problem == {}
        self.check_answers(panel)

    def test_no_patient_is_named(self, panel: DeskPanel, desk: Desk, case: Case) -> None:
        desk.put(case)
        panel.wait(60)
        captions = [caption for caption, _ in panel.pictures()]
        told = {"facts": panel.facts(), "captions": captions, "state": panel.get_state(), "repr": repr(panel)}
        for where, what in told.items():
            assert _PATIENT not in repr(what), f"the name of the file is in the panel's {where}"

    def test_it_takes_nothing_that_it_does_not_know(self, panel: DeskPanel) -> None:
        assert panel.begin_with(object()) is False
        assert panel.receive(object(), "thing") is False

    def test_an_unknown_field_is_an_error(self, panel: DeskPanel) -> None:
        with pytest.raises(InputError, match="no such field"):
            panel.fill("no such field", "1")

    def test_a_wrong_field_says_so_and_changes_nothing(self, panel: DeskPanel, desk: Desk, case: Case) -> None:
        desk.put(case)
        panel.wait(60)
        for name, field in panel.fields().items():
            assert isinstance(field, Parameter)
            assert field.help or field.label, f"nobody is told what the field {name!r} is"
            if field.kind not in ("integer", "number") or field.choices:
                continue
            before: Any = getattr(panel, name, None)
            panel.fill(name, "no number")
            assert "no number" in panel.faults[name], "the message says what was typed"
            assert getattr(panel, name, None) == before
            if field.default not in (None, REQUIRED):
                panel.fill(name, field.default)
                assert name not in panel.faults, "the default is right"
