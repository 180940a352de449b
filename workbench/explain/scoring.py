"""Scoring explanations: whether a map can be trusted, as numbers with a sentence each."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._accepting import instances_of
from workbench._arrays import Array
from workbench._plugins import Registry
from workbench._rooms import classes_in
from workbench._tables import Listing
from workbench.errors import InputError, StateError, choose
from workbench.evaluation.table import Table
from workbench.explain.check import Check, Finding, Limits, Subject
from workbench.explain.explanation import Explanation
from workbench.explain.labels import whole_numbers
from workbench.signatures import checked
from workbench.volume import Volume
from workbench.work import IDLE, Work

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Every check; `CHECKS.register` adds a class that is written down in a notebook.
CHECKS: Registry[Check] = Registry(
    "workbench.explanation_checks",
    "check of explanations",
    instances_of(Check, ("title", "summary")),
    builtin=classes_in("workbench.explain.checkers", Check),
)
register_check = CHECKS.register


class Checks(Listing[Check]):
    """The checks that can be asked for, shown as a table."""

    head = ("check", "needs", "question", "the number")

    def row(self, one: Check) -> tuple[str, ...]:
        """Return the cells of one check."""
        needs = {"mask": one.needs_mask, "other maps": one.needs_others, "the model": one.needs_model}
        return one.name, ", ".join(name for name, needed in needs.items() if needed) or "-", one.title, one.summary

    def limits(self) -> Table:
        """Return from where on the verdict of each is which."""
        return Table(
            {"check": one.name, "what is compared": one.limits.what, "good": _limit(one.limits, one.limits.good),
             "doubtful": _limit(one.limits, one.limits.doubtful), "bad": "otherwise"}
            if one.limits else {"check": one.name, "what is compared": "it judges otherwise"}
            for one in self
        )  # fmt: skip


def _limit(limits: Limits, value: float) -> str:
    return f"{limits.rule} {value:g}"


def checks() -> Checks:
    """Return every check of explanations, in their order."""
    return Checks(sorted(CHECKS.all().values(), key=lambda one: (one.order, one.name)))


@dataclass(frozen=True)
class Scored:
    """What a check found of a map."""

    explanation: Explanation
    check: Check
    finding: Finding
    #: What the map is called; its title if nothing is said.
    name: str = ""

    @property
    def called(self) -> str:
        """What the map is called in tables and pictures."""
        return self.name or self.explanation.title


class Scores(Table):
    """What checks found of maps: a row for each map and check.

    Attributes
    ----------
    found : list of Scored
        The same with the maps, and the curves that numbers were made from.
    """

    def __init__(self, found: Iterable[Scored]) -> None:
        self.found = [*found]
        super().__init__(
            {
                "map": one.called,
                "check": one.check.name,
                "value": one.finding.value,
                "verdict": one.finding.verdict,
                "what it means": one.finding.sentence,
            }
            for one in self.found
        )

    def of(self, check: str) -> dict[str, float]:
        """Return the value of a check by the name or title of the map; of maps of one title the last."""
        CHECKS.get(check)
        return {one.called: one.finding.value for one in self.found if one.check.name == check}

    def figure(self) -> Figure:
        """Draw the curves that numbers were made from, a picture for each check, a line for each map.

        Raises
        ------
        InputError
            If no check that was asked for has a curve.
        """
        from matplotlib.figure import Figure

        drawn = [one for one in self.found if one.finding.curves]
        names = [*dict.fromkeys(one.check.name for one in drawn)]
        if not names:
            raise InputError('No check here has a curve to draw. Ask for checks=["deletion", "insertion"].')
        figure = Figure(figsize=(4.5 * len(names), 3.5), layout="constrained")
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            of_check = [one for one in drawn if one.check.name == name]
            axes.set_title(of_check[0].check.title, fontsize="medium")
            for number, one in enumerate(of_check):
                for place, (label, curve) in enumerate(one.finding.curves.items()):
                    alone = len(of_check) == 1
                    said = label if alone else one.called
                    axes.plot(
                        curve.x,
                        curve.y,
                        color=f"C{number}",
                        linestyle="--" if place else "-",
                        label=said if alone or not place else None,
                    )
                    axes.set_xlabel(curve.what)
                    axes.set_ylabel(curve.of)
            axes.legend(fontsize="small")
        return figure

    def _repr_html_(self) -> str:
        marks = {"good": "&#10003;", "doubtful": "?", "bad": "&#10007;", "open": "&ndash;"}
        left = "style='text-align:left'"
        rows = "".join(
            f"<tr><td {left}>{html.escape(row['map'])}</td><td {left}>{html.escape(row['check'])}</td>"
            f"<td>{row['value']:.3f}</td><td {left}>{marks[row['verdict']]} {row['verdict']}</td>"
            f"<td {left}>{html.escape(row['what it means'])}</td></tr>"
            for row in self.rows
        )
        head = "".join(f"<th {left}>{name}</th>" for name in self.columns)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


@checked("wb.explain.score()", "mask", "work")
def score(
    explanations: Explanation | Sequence[Explanation] | Mapping[str, Explanation],
    mask: Volume | None = None,
    checks: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    label: int | str | None = None,
    work: Work = IDLE,
) -> Scores:
    """Tell how far maps can be trusted: each check gives a number, and a sentence that says what it means.

    Parameters
    ----------
    explanations : Explanation, sequence of Explanation, or mapping of str to Explanation
        Of one input. In a mapping by the names that they have in the table; otherwise they are called by their titles.
    mask : Volume, optional
        Where the thing lies that is to be found: a mask, or labels. On any grid; it is found by its place in mm.
    checks : sequence of str, or mapping of str to mapping, optional
        Which ones (``wb.explain.checks()`` lists them), as names, or by name with their options. By default all for
        which everything is there: those that look at a mask if there is one, those that compare maps if there are
        several, those that run the network if the maps know their model (that read from a file do not).
    label : int or str, optional
        Which label of `mask` is meant; by default the one that is called like what a map explains, where there is one,
        and otherwise every one but 0.
    work : Work, optional
        Is told how far it is, and stops it.

    Returns
    -------
    Scores
        A table; ``scores.found`` has the curves, ``scores.figure()`` draws them.

    Raises
    ------
    InputError
        If a check or an option is unknown, or something that a check needs is missing; if the maps are of several
        inputs; if the mask marks nothing of the volume.
    StateError
        If a map was read from a file and a check runs the network: ``explanation.replay(model, volume)`` gives one that
        knows both.
    Cancelled
        If that was asked for.

    Examples
    --------
    >>> model = wb.zoo.load("covid-resnet-phantom-xray")
    >>> case = wb.datasets.load("phantom-xray", task="classification", size=(64, 64), lesion_size=(30, 50), seed=1)[1]
    >>> why = wb.explain(model, case["image"], "grad-cam", target="lesion")
    >>> found = wb.explain.score(why, mask=case["lesion"], checks=["pointing-game", "energy"])
    >>> found.columns
    ('map', 'check', 'value', 'verdict', 'what it means')
    """
    maps = [explanations] if isinstance(explanations, Explanation) else [*_several(explanations)]
    names = [*explanations] if isinstance(explanations, Mapping) else [""] * len(maps)
    _check_maps(maps)
    asked = asked_checks(checks, maps, mask is not None)
    found = []
    places: dict[int | str | None, Array] = {}
    for place, (one, name) in enumerate(zip(maps, names, strict=True)):
        if mask is not None:
            meant = meant_by(mask, one) if label is None else label
            # all maps are of one input, and so on one grid
            if meant not in places:
                places[meant] = _marked(mask, meant, one.volume)
        inside = None if mask is None else places[meant]
        subject = Subject(one, inside, [*maps[:place], *maps[place + 1 :]])
        for number, (check, options) in enumerate(asked):
            part = work.part(place * len(asked) + number, len(maps) * len(asked))
            part.tell(0.0, f"{name or one.title}: {check.name}")
            finding = find(check, subject, options, part, by_name=checks is not None)
            found += [] if finding is None else [Scored(one, check, finding, name)]
    return Scores(found)


def find(check: Check, subject: Subject, options: Mapping[str, Any], work: Work, *, by_name: bool) -> Finding | None:
    """Return what a check finds; None of one of another package that is broken, unless it was asked for by its name."""
    try:
        with CHECKS.using(check.name):
            return check.find(subject, options, work)
    except StateError as error:
        if by_name or check.name not in CHECKS.brought():
            raise
        CHECKS.leave_out(check.name, error)
        return None


def _several(given: Any) -> Iterator[Explanation]:
    if not isinstance(given, Sequence | Mapping) or isinstance(given, str):
        raise InputError(f"What is scored is an Explanation or a list of them, got {type(given).__name__}.")
    for name in given if isinstance(given, Mapping) else ():
        if not isinstance(name, str) or not name:
            raise InputError(f"Names of maps that are scored must be text, got {name!r}. Give a mapping of str to map.")
    for one in given.values() if isinstance(given, Mapping) else given:
        if not isinstance(one, Explanation):
            raise InputError(f"What is scored is an Explanation or a list of them, got one of {type(one).__name__}.")
        yield one


def _check_maps(maps: list[Explanation]) -> None:
    if not maps:
        raise InputError("What is scored is an Explanation or a list of them, got an empty list. Give one at least.")
    if len({one.input_fingerprint for one in maps}) > 1:
        raise InputError(
            "Maps that are scored together must be of one input, got several. Call score() for each of the inputs."
        )


def asked_checks(given: Any, maps: list[Explanation], masked: bool) -> list[tuple[Check, dict[str, Any]]]:
    """Return the checks that are asked for with all their options, each of which can be answered."""
    if given is None:
        there = [one for one in checks() if not _lacks(one, maps, masked)]
        return [(one, one.check_options({})) for one in there]
    if isinstance(given, str) or not isinstance(given, Sequence | Mapping):
        raise InputError(f"checks must be a list of names, or names with their options, got {given!r}.")
    options = given if isinstance(given, Mapping) else {name: {} for name in given}
    made = []
    for name, chosen in options.items():
        check = CHECKS.get(name)
        if lacks := _lacks(check, maps, masked):
            raise InputError(f"The check {name!r} {lacks}")
        made.append((check, check.check_options(chosen)))
    return made


def _lacks(check: Check, maps: list[Explanation], masked: bool) -> str:
    """Return what a check lacks, and what to do; empty if everything is there."""
    if check.needs_mask and not masked:
        return "looks whether a map lies on something, and there is no mask. Give mask=."
    if check.needs_others and len(maps) < 2:
        return "compares maps, and there is one. Give a list of several."
    if check.needs_model and not all(one.knows_model for one in maps):
        return "runs the network, which a map read from a file does not know. Take map.replay(model, volume)."
    return ""


def meant_by(mask: Volume, one: Explanation) -> str | None:
    """Return the name of what a map explains, if a label of the mask is called so."""
    name = getattr(one.target, "name", "")
    return name if name and name in mask.labels.values() else None


def inside_of(mask: Volume, label: int | str | None, like: Volume) -> Array:
    """Return where a mask, or one of its labels, lies on the grid of a map; it may be nowhere."""
    data = whole_numbers(mask, "wb.explain.score()", "mask")
    if label is None:
        marked = data != 0
    else:
        values = {name: value for value, name in mask.labels.items()}
        marked = data == (values[choose(label, values, "label of the mask")] if isinstance(label, str) else label)
    soft = mask.with_data(marked.astype(np.float32), kind="image", labels={})
    inside: Array = np.asarray(soft.resample_like(like, order=1).data) >= 0.5
    return inside


def _marked(mask: Volume, label: int | str | None, like: Volume) -> Array:
    """Return where a mask lies on the grid of a map, which must be somewhere."""
    inside = inside_of(mask, label, like)
    if not inside.any():
        raise InputError(
            f"The mask must mark some of the volume, but {mask!r} marks none of it. Check that both have one frame of "
            "reference, and label=."
        )
    return inside
