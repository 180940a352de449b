"""The trust panel: whether the maps over the image may be believed, asked by checks."""

from __future__ import annotations

from io import BytesIO
from typing import Any, ClassVar, TypedDict

import traitlets as t

from workbench import explain
from workbench._words import count
from workbench.errors import StateError
from workbench.explain import Check, Class, Explanation
from workbench.explain.registry import EXPLAINERS
from workbench.explain.scoring import CHECKS, Scored, Scores
from workbench.jobs import Job
from workbench.jobs.places import new_folder
from workbench.volume import Volume
from workbench.widgets import fit
from workbench.widgets._network import with_network
from workbench.widgets.code import Code, call
from workbench.widgets.desk import Desk, Source
from workbench.widgets.desk_panel import DeskPanel, Picture
from workbench.widgets.messages import Offer, synced
from workbench.widgets.panel import bundle

#: Asked unless somebody chooses otherwise: what tells most for the least time.
_USUAL = ("pointing-game", "energy", "deletion", "randomisation", "agreement")
_NO_MAP = "There is no map over the image: make one first"
_NO_DATA = "There is no data set: the image was opened alone"
_NO_MASK = "it compares the map with labels, and there are none"
_NO_OTHERS = "it compares maps, and there is one"
_NO_MODEL = "it runs the network, which a map that was read from a file does not know"


class CheckOffer(Offer):
    """A check that can be asked, and whether it is to be."""

    summary: str
    chosen: bool


class Said(TypedDict):
    """What a check said of a map."""

    map: str
    question: str
    value: str
    verdict: str
    sentence: str


class TrustPanel(DeskPanel):
    """Puts questions to the maps that lie over the image, and tells what was found in sentences.

    Examples
    --------
    >>> app = wb.App("phantom-ct", n=1, size=16)
    >>> app.trust.blocked
    'There is no map over the image: make one first'
    """

    called: ClassVar = "trust"
    order: ClassVar = 4.5

    _esm = bundle("trust_panel")
    _css = bundle("trust_panel", "css")

    checks = synced(list[CheckOffer], t.List(t.Dict(), help="The checks, and which are to be asked"))
    wanted = synced(dict[str, bool], t.Dict(help="What was chosen otherwise than is usual, by the name of the check"))
    masks = synced(list[Offer], t.List(t.Dict(), help="Layers of labels that maps can be compared with"))
    mask = t.Unicode("", help="Name of the layer that maps are compared with; empty for none").tag(sync=True)
    said = synced(list[Said], t.List(t.Dict(), help="What was found, map by map"))
    blocked = t.Unicode("").tag(sync=True)
    over_blocked = t.Unicode("", help="Why no other case can be asked; empty where they can").tag(sync=True)

    actions: ClassVar = {"run": "run", "over": "begin_over"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._scores: Scores | None = None
        self._new = True
        super().__init__(desk, **traits)
        CHECKS.watch(self._offer)
        self._offer()
        self.desk.observe(self._case_changed, "case")
        self.desk.observe(lambda _change: self._offer(), "layers_version")

    def run(self) -> Scores:
        """Ask the checks that are chosen of all maps in the viewer, hidden ones too.

        Raises
        ------
        StateError
            If there is no map, or no check is chosen.
        Cancelled
            If the person pressed Cancel, or looks at another case by now.
        """
        with self.working("Checking the maps", cancellable=True) as work:
            if self.blocked:
                raise StateError(f"{self.blocked}.")
            names = [one["value"] for one in self.checks if one["chosen"] and one.get("enabled", True)]
            if not names:
                raise StateError("No check is chosen. Choose one at least.")
            case, made = self.desk.case, self.desk.made(Explanation)
            maps = [one for one, _ in made.values()]
            mask = self._masks().get(self.mask)

            def score() -> Scores:
                return explain.score(maps, mask.volume if mask else None, names, work=work)

            found = with_network(self.desk, work, score)
            if not self.desk.is_current(case):
                raise StateError("Another case was chosen meanwhile; nothing was changed.")
            self._scores = found
            self._maps = [name for _, name in made.values()]
            self._mask, self._names = mask, names
            self.said = [_said(name, one) for name, one in zip(_each(made, names), found.found, strict=True)]
        self.note = ""
        return found

    def begin_over(self) -> Job:
        """Ask the checks that are chosen of every case of the data set (of its split), in a process of its own.

        The methods are those of the maps in the viewer, with their options; explained is their class, or what is
        predicted where they explain a place. The panel for jobs shows how far it is, and opens the leaderboard.

        Raises
        ------
        StateError
            If there is no map, no data set, or no check is chosen.
        InputError
            If an option of a map belongs to its case, such as another case as a baseline.
        """
        with self.working("Over the data set: starting", cancellable=True) as work:
            if self.over_blocked:
                raise StateError(f"{self.over_blocked}.")
            names = [one["value"] for one in self.checks if one["chosen"] and one.get("enabled", True)]
            if not names:
                raise StateError("No check is chosen. Choose one at least.")
            case, maps = self.desk.case, [one for one, _ in self.desk.made(Explanation).values()]
            assert case is not None
            assert case.dataset is not None
            methods = {one.method: _options_of(one) for one in maps}
            for one in maps:
                if _options_of(one) != methods[one.method]:
                    raise StateError(
                        f"Maps by {one.method!r} must have the same options, got several. Remove all but one."
                    )
            if len(methods) < 2:
                names = [name for name in names if not CHECKS.get(name).needs_others]
            targets = {one.target.which if isinstance(one.target, Class) else None for one in maps}
            if len(targets) > 1:
                raise StateError("The maps must explain one class, and these explain several. Hide or remove some.")
            job = explain.score_over(
                work.apart(self.desk.model),
                case.dataset,
                methods,
                names,
                target=next(iter(targets)),
                split=case.split if case.split in case.dataset.splits else None,
                out=new_folder(self.desk.folder, "scores"),
                background=True,
            )
        asked = f"{count(len(names), 'question')} of {count(len(methods), 'method')}"
        self.note, self.begun = "in the background", f"Asking {asked}, case by case, in the background."
        return job

    # -- for the App, the report and the code -------------------------------------------------------------

    def snippet(self) -> str:
        """Return the call that scores the maps."""
        if self._scores is None:
            return ""
        maps = Code("[" + ", ".join(name() for name in self._maps) + "]")
        given = {"mask": Code(self._mask.code)} if self._mask else {}
        return call("scores", "wb.explain.score", maps, **given, checks=self._names)

    def facts(self) -> dict[str, Any]:
        """Return what was found."""
        return {"checks of the maps": [dict(one) for one in self.said]} if self.said else {}

    def pictures(self) -> list[Picture]:
        """Return the curves that numbers were made from."""
        if self._scores is None or not any(one.finding.curves for one in self._scores.found):
            return []
        drawn = BytesIO()
        self._scores.figure().savefig(drawn, format="svg")
        return [("Checks of the maps", drawn.getvalue())]

    # -- inside -------------------------------------------------------------------------------------------

    def _masks(self) -> dict[str, Source]:
        return {name: one for name, one in self.desk.sources().items() if _is_mask(one.volume)}

    def _case_changed(self, _change: Any) -> None:
        self._scores, self.said, self.note, self._new = None, [], "", True
        self._offer()

    @t.observe("mask", "wanted")
    def _chosen(self, _change: Any) -> None:
        self._offer()

    def _offer(self) -> None:
        """List the checks with what each lacks, and the labels that maps can be compared with."""
        maps = [one for one, _ in self.desk.made(Explanation).values()]
        masks = self._masks()
        self.masks = [{"value": name, "label": name} for name in masks]
        if self.mask not in ("", *masks) or (self._new and masks):
            # new labels are looked at; who chose none for this case keeps none
            self._new = not masks
            self.mask = "truth" if "truth" in masks else ""
        rows: list[CheckOffer] = []
        for one in explain.checks():
            lacks = _lacks(one, maps, masked=bool(self.mask))
            chosen = not lacks and self.wanted.get(one.name, one.name in _USUAL)
            rows.append(
                {
                    "value": one.name,
                    "label": one.title,
                    "summary": one.summary,
                    "enabled": not lacks,
                    "reason": lacks,
                    "chosen": chosen,
                }
            )
        self.checks = rows
        case = self.desk.case
        self.blocked = fit.NO_CASE if case is None else "" if maps else _NO_MAP
        self.over_blocked = self.blocked or ("" if case is not None and case.dataset is not None else _NO_DATA)


def _each(made: dict[str, Any], names: list[str]) -> list[str]:
    """Return the name of the layer for each row that scoring gives: all checks of a map, then those of the next."""
    return [layer for layer in made for _ in names]


def _options_of(one: Explanation) -> dict[str, Any]:
    """Return what was asked for of a map beside the defaults; a box in its volume says nothing of other cases."""
    usual = EXPLAINERS.get(one.method).check_options({})
    return {name: value for name, value in one.options.items() if name != "within" and value != usual.get(name)}


def _said(layer: str, one: Scored) -> Said:
    finding = one.finding
    return {
        "map": layer,
        "question": one.check.title,
        "value": "" if finding.value != finding.value else f"{finding.value:.2f}",
        "verdict": finding.verdict,
        "sentence": finding.sentence,
    }


def _is_mask(volume: Volume) -> bool:
    return volume.kind == "labels" and "c" not in volume.axes


def _lacks(check: Check, maps: list[Explanation], *, masked: bool) -> str:
    if check.needs_mask and not masked:
        return _NO_MASK
    if check.needs_others and len(maps) < 2:
        return _NO_OTHERS
    return _NO_MODEL if check.needs_model and not all(one.knows_model for one in maps) else ""
