"""Maps that are looked at one after the other: of a run's checkpoints, of layers, of the steps of a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.explain import Explanation, Request
from workbench.explain.code import arguments_code
from workbench.training import Run
from workbench.widgets.choice import Choice
from workbench.widgets.code import Code, call, path_code
from workbench.widgets.layer import Layer
from workbench.widgets.map_style import style_of

Kind = Literal["training", "layers", "steps"]

_TITLES: dict[Kind, str] = {
    "training": "Attention over training",
    "layers": "Attention by layer",
    "steps": "Step by step",
}
_LAYERS: dict[Kind, str] = {"training": "over training", "layers": "by layer", "steps": "step by step"}
#: What they are called in code.
_VARIABLES: dict[Kind, str] = {"training": "over_training", "layers": "by_layer", "steps": "step_by_step"}
#: Of a percentage: a step may be one window of a hundred million.
_MOST_DIGITS = 6


@dataclass(frozen=True)
class Timeline:
    """The same map at every checkpoint of a run, at every layer, or as it is made; and what it was asked with.

    Attributes
    ----------
    run : Run or None
        Whose checkpoints they are of.
    maps : sequence of (object, Explanation)
        First to last, each with its epoch, the name of its layer, or how much of the work was done.
    choice : Choice, optional
        The model that they are of, where it is none of a run's checkpoints.
    """

    run: Run | None
    maps: Sequence[tuple[Any, Explanation]]
    asked: Request
    kind: Kind = "training"
    choice: Choice | None = None

    @property
    def title(self) -> str:
        """What stands above them."""
        return _TITLES[self.kind]

    @property
    def layer_name(self) -> str:
        """What their layer in the viewer is called."""
        return _LAYERS[self.kind]

    def names(self) -> list[str]:
        """Return what each is called."""
        if self.kind == "training":
            return [f"epoch {epoch}" for epoch, _ in self.maps]
        if self.kind == "layers":
            return [str(layer) for layer, _ in self.maps]
        return _percentages([share for share, _ in self.maps])

    def told(self) -> list[str]:
        """Return what each is called, with its score where that is another one each."""
        if self.kind != "training":
            return self.names()
        return [f"{name}, score {one.score:.3g}" for name, (_, one) in zip(self.names(), self.maps, strict=True)]

    def steps(self) -> list[tuple[str, Layer]]:
        """Return each as a layer: in one window where they can be compared, so that a weak map looks weak."""
        styles = [style_of(one) for _, one in self.maps]
        if self.kind != "layers":
            ranges = [one.display_range for _, one in self.maps]
            low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
            signed = next((style for style in styles if "colormap" in style), styles[0])
            shared = {**signed, **({"window": (low, high)} if low < high else {})}
            styles = [shared for _ in styles]
        made = zip(self.names(), self.maps, styles, strict=True)
        return [(name, Layer(one.volume, **style)) for name, (_, one), style in made]

    def code(self, region: str, name_of_model: Callable[[Choice], str]) -> str:
        """Return code that makes them again; `region` is the expression for the labels of a region."""
        asked = {name: Code(value) for name, value in arguments_code(self.asked, region).items()}
        if self.kind == "training":
            assert self.run is not None
            run = f"Run({path_code(self.run.path)!r})"
            made = call("", "wb.explain.over_checkpoints", run, "volume", **asked)
            return f"from workbench.training import Run\n\n{_VARIABLES[self.kind]} = dict({made})"
        model = "model" if self.choice is None else name_of_model(self.choice)
        if self.kind == "layers":
            asked.pop("layer", None)
            made = call("", "wb.explain.over_layers", model, "volume", **asked)
            return f"{_VARIABLES[self.kind]} = dict({made})"
        made = call("", "wb.explain.progressive", model, "volume", **asked)
        return f"{_VARIABLES[self.kind]} = list({made})"

    def step_code(self, index: int) -> str:
        """Return the expression for one of them."""
        at = self.maps[index][0]
        if self.kind != "steps":
            return f"{_VARIABLES[self.kind]}[{at!r}]"
        # how the steps fall depends on the batches: the one that is nearest is taken
        return f"min({_VARIABLES['steps']}, key=lambda step: abs(step[0] - {at!r}))[1]"


def _percentages(shares: Sequence[float]) -> list[str]:
    """Return shares of the work with as many digits as tell them apart: steps go by their names."""
    names: list[str] = []
    for digits in range(1, _MOST_DIGITS + 1):
        names = [f"{share:.{digits}%}" for share in shares]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({number})" for number, name in enumerate(names, start=1)]
