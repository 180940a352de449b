"""The gallery of methods: each with a line on it, and a thumbnail of its map of the case that is looked at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypedDict, cast

import traitlets as t

from workbench._words import count, sentence
from workbench.errors import Cancelled, WorkbenchError, choose
from workbench.explain import Explanation, Request, Target
from workbench.explain.registry import get
from workbench.widgets._explain_predicts import ExplainPredicts
from workbench.widgets._network import with_network
from workbench.widgets._pace import passes_of
from workbench.widgets.desk import Case, Desk
from workbench.widgets.layer import Layer
from workbench.widgets.map_style import style_of
from workbench.widgets.messages import MethodOffer, synced
from workbench.widgets.still import slice_png

if TYPE_CHECKING:
    from workbench.widgets._work import Work
    from workbench.widgets.planes import Convention
    from workbench.zoo import Model

#: Longest side of a thumbnail, in pixels.
_LONGEST = 128
#: What takes longer than this, in seconds, is made when it is asked for by name; so is what takes more passes than that
#: while no time is known.
_QUICK_SECONDS, _QUICK_PASSES = 1.5, 2


class GalleryCard(TypedDict):
    """A method in the gallery."""

    value: str
    label: str
    line: str
    state: Literal["made", "waiting", "slow", "cannot"]
    told: Annotated[str, "Why it cannot be had, or what it takes."]
    picture: Annotated[int, "Its place among the thumbnails; -1 where there is none."]


class ExplainGallery(ExplainPredicts):
    """The part of the explain panel that shows all methods at once."""

    gallery = synced(list[GalleryCard], t.List(t.Dict(), help="The methods, each with what it shows of this case"))
    thumbnails = t.List(t.Bytes(), help="PNG, in the order in which they were made").tag(sync=True)

    actions: ClassVar = ExplainPredicts.actions | {
        "gallery": "sketch_all",
        "sketch": "sketch",
        "leave_gallery": "leave_gallery",
    }
    quick: ClassVar = ExplainPredicts.quick | {"leave_gallery"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._sketches: dict[str, bytes] = {}
        self._refused: dict[str, str] = {}
        self._shared: Target | None = None
        super().__init__(desk, **traits)
        self.desk.observe(self._forget_sketches, ["case", "choice", "selection"])
        self._show_gallery()

    def sketch_all(self) -> None:
        """Make the thumbnails that are quick, coarse where a method can be; all other work is let by.

        Raises
        ------
        StateError
            If no volume or model is there.
        """
        with self.working("Thumbnails", cancellable=True, yielding=True) as work:
            case, _, model = self._subject(work)
            waiting = [one for one in self.methods if one["enabled"] and one["value"] not in self._sketches]
            takes = {one["value"]: _passes(one["value"], case) for one in waiting}
            pace: float | None = None
            for place, one in enumerate(sorted(waiting, key=lambda one: takes[one["value"]])):
                passes = takes[one["value"]]
                if passes > _QUICK_PASSES if pace is None else passes * pace > _QUICK_SECONDS:
                    continue
                work.tell(place / len(waiting), f"Thumbnail: {one['label']}")
                began = time.monotonic()
                if self._sketch(one, case, model, work):
                    # the first passes of a network are slow: what was seen to be quicker is nearer to the truth
                    seen = (time.monotonic() - began) / passes
                    pace = seen if pace is None else min(pace, seen)

    def sketch(self, name: str) -> None:
        """Make the thumbnail of a method, however long that takes.

        Raises
        ------
        InputError
            If there is no such method.
        StateError
            If no volume or model is there, or something else is under way.
        """
        choose(name, [one["value"] for one in self.methods], "explanation method")
        one = next(one for one in self.methods if one["value"] == name)
        with self.working(f"Thumbnail: {one['label']}", cancellable=True) as work:
            case, _, model = self._subject(work)
            self._sketch(one, case, model, work)

    def leave_gallery(self) -> None:
        """Make no more thumbnails that nobody looks at; what was asked for by name goes on."""
        if self._work is not None and self._work.yielding:
            self._work.cancel.set()

    # -- inside -------------------------------------------------------------------------------------------

    def _sketch(self, one: MethodOffer, case: Case, model: Model, work: Work) -> bool:
        """Make a thumbnail; return whether there is one. What a method refuses is told on its card."""
        explainer = get(one["value"])
        target = self._shared if self._shared is not None else self.target_now()
        layer = (self.layer or None) if one["needs_layer"] else None
        asked = self._asked_of()

        def make() -> Explanation:
            options = explainer.sketch(tuple(case.volume.spatial_shape))
            return Request(model, case.volume, explainer.name, target, layer, options).run(work=work)

        try:
            made = with_network(self.desk, work, make)
        except Cancelled:
            raise
        except WorkbenchError as error:
            if asked == self._asked_of():
                self._refused[explainer.name] = str(error)
        else:
            self._same_case(case)
            if asked != self._asked_of():
                return False  # it is of what was chosen before
            # what is predicted is found out once
            self._shared = made.target
            self._sketches[explainer.name] = self._drawn_small(made)
        self._show_gallery()
        return explainer.name in self._sketches

    def _asked_of(self) -> tuple[Any, ...]:
        """Return what a thumbnail is of, beside its case: it is thrown away where that has changed meanwhile."""
        return self.target, self.label, self.voxel, self.layer, self.desk.choice

    def _drawn_small(self, made: Explanation) -> bytes:
        viewer = self.desk.viewer
        shown = [viewer.layers[0].like(visible=True), Layer(made.volume, **style_of(made))]
        return slice_png(shown, viewer.crosshair, cast("Convention", viewer.convention), _LONGEST)

    @t.observe("methods")
    def _show_gallery(self, _change: Any = None) -> None:
        sketches = dict(self._sketches)
        pictures = list(sketches)
        # pictures first: a view that is told of the cards must find as many pictures
        self.thumbnails = list(sketches.values())
        self.gallery = [self._card(one, pictures) for one in self.methods]

    def _card(self, one: MethodOffer, pictures: list[str]) -> GalleryCard:
        name = one["value"]
        refused = one.get("reason", "") if not one["enabled"] else self._refused.get(name, "")
        case = self.desk.case
        passes = 0 if case is None or refused else _passes(name, case)
        made = name in pictures
        state: Literal["made", "waiting", "slow", "cannot"] = (
            "cannot" if refused else "made" if made else "slow" if passes > _QUICK_PASSES else "waiting"
        )
        told = sentence(refused) or ("" if case is None else _words(passes, case, name))
        place = pictures.index(name) if made else -1
        return {
            "value": name,
            "label": one["label"],
            "line": one["title"],
            "state": state,
            "told": told,
            "picture": place,
        }

    @t.observe("target", "label", "layer")
    def _forget_sketches(self, change: Any) -> None:
        if change["name"] == "selection" and self.target == "class":
            return
        self._sketches.clear()
        self._refused.clear()
        self._shared = None
        self._show_gallery()


def _passes(name: str, case: Case) -> int:
    """Return how many passes a thumbnail takes."""
    return passes_of(get(name), case.volume, get(name).sketch(tuple(case.volume.spatial_shape)))


def _words(passes: int, case: Case, name: str) -> str:
    usual = passes_of(get(name), case.volume, {})
    coarse = " (the thumbnail is coarser)" if usual != passes else ""
    return f"A map takes {count(usual, 'pass')}{coarse}."
