"""What a panel of the App is, and how it is found: a module ``<name>_panel.py``, or an entry point of a package."""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t

from workbench._accepting import classes_of
from workbench._plugins import Registry
from workbench._rooms import classes_in
from workbench.errors import InputError, choose
from workbench.parameters import Parameter
from workbench.widgets.code import page
from workbench.widgets.desk import Desk
from workbench.widgets.messages import Faults, synced
from workbench.widgets.panel import Panel
from workbench.widgets.run_pictures import Picture as Picture

if TYPE_CHECKING:
    from workbench.training import Run
    from workbench.widgets.demos import Demo


class DeskPanel(Panel):
    """A panel that works at a `Desk`.

    A subclass says what the App calls it (`called`), its `order` among the others (its number is told from it), and
    where it stands. It asks the desk for what it needs and observes it; it never asks another panel. What it answers
    here is all that the App, the report and "Copy as code" know of it.

    Parameters
    ----------
    desk : Desk, optional
        A desk of its own by default.
    """

    called: ClassVar[str]
    order: ClassVar[float]
    #: ``"side"``: in the column beside the viewer; ``"above"``, ``"below"``: the viewer.
    place: ClassVar[str] = "side"

    faults = synced(Faults, t.Dict(help="What is wrong with what was typed, by the name of the field"))

    quick: ClassVar = Panel.quick | {"fill"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self.desk = Desk() if desk is None else desk
        self.desk.register(self)
        super().__init__(**traits)

    # -- fields -------------------------------------------------------------------------------------------

    def fields(self) -> dict[str, Parameter]:
        """Return the fields that `fill` may fill, by name."""
        return {}

    def fill(self, name: str, text: Any) -> None:
        """Take what was typed into a field; what breaks its rule is told beside it and changes nothing."""
        field = self.fields()[choose(name, self.fields(), "field")]
        try:
            value = field.read(text)
            if value is None and field.default not in (None, ""):
                raise field.refused("nothing", typed=True)
            self.filled(name, value)
        except InputError as error:
            self.faults = {**self.faults, name: str(error)}
        else:
            self.faults = {key: told for key, told in self.faults.items() if key != name}

    def filled(self, name: str, value: Any) -> None:
        """Set what a field stands for; here the trait of its name.

        Raises
        ------
        InputError
            If it is wrong for a reason that the schema does not know.
        """
        setattr(self, name, value if value is not None else "")

    def need_no_faults(self) -> None:
        """Refuse to go on while a field is wrong.

        Raises
        ------
        InputError
            With the first that is.
        """
        if self.faults:
            raise InputError(next(iter(self.faults.values())))

    # -- for the App, the report and the code -------------------------------------------------------------

    def ask_for(self, what: str, instead: Any) -> Any:
        """Return what a panel answers, which may come from another package; `instead` if that fails, with a warning.

        Parameters
        ----------
        what : str
            The method that is asked: ``"facts"``.
        """
        try:
            return getattr(self, what)()
        except Exception as error:  # noqa: BLE001 - whatever it raises, what the others answer is still told
            PANELS.leave_out(self.called, error)
            return instead

    def snippet(self) -> str:
        """Return code that does what was done here, in the names that earlier panels define; may be empty.

        ``data``, ``sample`` and ``volume`` are the case, ``model`` the model, ``run`` the run.
        """
        return ""

    def facts(self) -> dict[str, Any]:
        """Return what the report tells of this panel as plain data, by heading; no names of patients or files."""
        return {}

    def pictures(self) -> list[Picture]:
        """Return what the report shows of this panel: caption and PNG or SVG of each picture."""
        return []

    def restore(self, run: Run) -> None:
        """Set the panel as it was when `run` was started."""

    def demonstrate(self, demo: Demo) -> None:
        """Do this panel's part of a demo: load its data, take its model, make its map."""

    def visit(self, index: int) -> None:
        """Do this panel's part of looking at another case of the data set: show it, make its map.

        Parameters
        ----------
        index : int
            Which case, of all.
        """

    def begin_with(self, data: Any, **options: Any) -> bool:  # noqa: ARG002
        """Begin with what the App was given; return whether this panel takes it."""
        return False

    def receive(self, thing: Any, expression: str) -> bool:  # noqa: ARG002
        """Take what was made elsewhere, such as the map of a job; return whether it is for this panel.

        Parameters
        ----------
        thing : object
        expression : str
            What gets it in code.

        Raises
        ------
        StateError
            If it is for this panel, and does not belong to what is looked at.
        """
        return False

    def extras(self) -> list[Any]:
        """Return further widgets that belong below the viewer."""
        return []

    def code(self) -> str:
        """Return the code of this panel as a page of its own."""
        return page(self.snippet())


def _panels(given: Any) -> dict[str, type[DeskPanel]]:
    """Return panels by what the App calls them, if it can: as an attribute, and by the methods of their actions."""
    found: dict[str, type[DeskPanel]] = classes_of(DeskPanel, "called", needs=("order",))(given)
    for called, kind in found.items():
        if not (isinstance(called, str) and called.isidentifier()) or iskeyword(called):
            raise InputError(
                f"{kind.__name__}: called must be a name that Python takes as an attribute (app.NAME), got "
                f"{called!r}. Write letters, digits and underscores."
            )
        for action, method in {**kind.actions, **kind.questions}.items():
            if not callable(getattr(kind, method, None)):
                raise InputError(
                    f"{kind.__name__}: the action {action!r} must be the name of a method, got {method!r}, which the "
                    "class does not have. Define it, or name another."
                )
    return found


#: Every panel; `PANELS.register` adds a class that is written down in a notebook.
PANELS: Registry[type[DeskPanel]] = Registry(
    "workbench.panels",
    "panel",
    _panels,
    builtin=classes_in("workbench.widgets", DeskPanel, pattern="*_panel.py"),
)
register = PANELS.register


def kinds() -> list[type[DeskPanel]]:
    """Return the panels there are, in their order: those of this room, and those of packages that bring some."""
    return sorted(PANELS.all().values(), key=lambda kind: kind.order)


def at_desk(desk: Desk) -> dict[str, DeskPanel]:
    """Return one panel of each kind at a desk, by what the App calls them; what cannot be made is warned of."""
    made = {}
    for kind in kinds():
        there = [*desk.panels]
        try:
            made[kind.called] = kind(desk)
        except Exception as error:  # noqa: BLE001 - whatever it raises, the others can still be used
            desk.panels[:] = there
            PANELS.leave_out(kind.called, error, declared=True)
    return made
