"""Ports: what goes into a tool and what comes out of it, as its annotations say."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias

from workbench._words import count
from workbench.errors import InputError, StateError
from workbench.evaluation.table import Table
from workbench.volume import Volume

PortKind = Literal["image", "labels", "scores", "volume", "table"]


@dataclass(frozen=True)
class Port:
    """One input or output of a tool: the socket that it is in a pipeline.

    Parameters
    ----------
    kind : {"image", "labels", "scores", "volume", "table"}
        What passes: a Volume of that kind, a Volume of any kind ("volume"), or a table. What comes out as "volume" is
        of the kind that went in.
    ndim : {2, 3}, optional
        Spatial axes that it must have; any by default.
    channels : int, optional
        Channels that it must have; any by default.
    grid : {"kept", "new"}
        Of an output: whether it lies on the grid of the first input, or on one that the tool makes.
    name : str
        By default that of the argument; of an output, its kind.
    optional : bool
        Whether it may be left out.
    """

    kind: PortKind
    ndim: Literal[2, 3] | None = None
    channels: int | None = None
    grid: Literal["kept", "new"] = "kept"
    name: str = ""
    optional: bool = False

    @property
    def rule(self) -> str:
        """What must pass, in words: ``"a Volume of kind 'labels' with 1 channel"``."""
        if self.kind == "table":
            return "a Table"
        kind = f" of kind {self.kind!r}" if self.kind != "volume" else ""
        axes = f"{self.ndim} spatial axes" if self.ndim else ""
        channels = count(self.channels, "channel") if self.channels else ""
        needs = " and ".join(filter(None, [axes, channels]))
        return f"a Volume{kind}{' with ' if needs else ''}{needs}"

    def accepts(self, value: Any) -> bool:
        """Tell whether something may go in."""
        return self._wrong(value) is None

    def check(self, value: Any, owner: str) -> Any:
        """Return what goes in, if it is what must.

        Parameters
        ----------
        owner : str
            The tool, for the message.

        Raises
        ------
        InputError
            If it is something else; the message says how to get what is needed.
        """
        if value is None and self.optional:
            return None
        wrong = self._wrong(value)
        if wrong is None:
            return value
        got, remedy = wrong
        raise InputError(f"{owner} takes {self.rule} as {self.name!r}, got {got}. {remedy}")

    def check_made(self, value: Any, given: Volume | None, owner: str) -> Any:
        """Return what comes out, if it is what was promised.

        Parameters
        ----------
        given : Volume or None
            What went in first.
        owner : str
            The tool, for the message.

        Raises
        ------
        StateError
            If it is something else: the tool must be mended.
        """
        promised = replace(self, kind=given.kind) if self.kind == "volume" and given is not None else self  # type: ignore[arg-type]
        wrong = promised._wrong(value)
        if wrong is not None:
            raise StateError(f"{owner} promises {promised.rule}, and made {wrong[0]}. Mend the tool.")
        keeps = self.kind != "table" and self.grid == "kept"
        if given is not None and keeps and not (value.same_grid(given) and value.space == given.space):
            raise StateError(
                f"{owner} keeps the grid of what it is given ({given!r}), and made {value!r}. Mend the tool: "
                "use `given.with_data(array)`; what makes another grid says so: Port(..., grid='new')."
            )
        return value

    def _wrong(self, value: Any) -> tuple[str, str] | None:
        """Return what was got and what to do about it; None if it is right."""
        if self.kind == "table":
            return None if isinstance(value, Table) else (type(value).__name__, "Give a workbench.tools.Table.")
        if not isinstance(value, Volume):
            return type(value).__name__, _way_to_a_volume(value)
        if self.kind not in ("volume", value.kind):
            return f"one of kind {value.kind!r}", (
                f"If that is what its values mean, say so: volume.with_meaning(kind={self.kind!r})."
            )
        if self.ndim not in (None, value.spatial_ndim):
            if self.ndim == 3:
                return "a picture", "Give a whole volume."
            return f"one with {value.spatial_ndim} spatial axes", (
                "Take a slice, volume.slice_2d(axis, index); or say that the last axis is one of channels, "
                "wb.Volume(array, axes=('i', 'j', 'c'))."
            )
        if self.channels not in (None, value.num_channels):
            return f"one with {count(value.num_channels, 'channel')}", (
                "Choose one: volume.with_data(volume.data[..., 0])."
                if self.channels == 1
                else "Choose or make the channels that are meant (a picture with transparency has a fourth)."
            )
        return None


Image: TypeAlias = Annotated[Volume, Port("image")]
"""A Volume of values, for the annotation of a tool's input or output."""
Labels: TypeAlias = Annotated[Volume, Port("labels", channels=1)]
"""A Volume of labels."""
Scores: TypeAlias = Annotated[Volume, Port("scores")]
"""A Volume of scores: probabilities, an explanation."""

_PLAIN: dict[Any, Port] = {Volume: Port("volume"), Table: Port("table")}


def port_of(annotation: Any, name: str = "") -> Port | None:
    """Return the port that an annotation describes, or None if it describes an option."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        stated = [one for one in arguments[1:] if isinstance(one, Port)]
        # the outermost says it: Annotated[Image, Port("image", ndim=2)]
        found = stated[-1] if stated else port_of(arguments[0])
        return found and replace(found, name=name or found.name)
    if origin in (typing.Union, types.UnionType):
        parts = [port_of(one, name) for one in arguments if one is not type(None)]
        if len(parts) == 1 and parts[0] is not None:
            return replace(parts[0], optional=True)
        if any(parts):
            raise InputError(f"{name!r} is one port or another: annotate it as one, for any kind of Volume as Volume.")
        return None
    found = _PLAIN.get(annotation) if isinstance(annotation, type) else None
    return found and replace(found, name=name)


def ports_of_result(annotation: Any) -> dict[str, Port]:
    """Return the ports that a function's return annotation describes, by name; none if it describes none."""
    parts = typing.get_args(annotation) if typing.get_origin(annotation) is tuple else (annotation,)
    found: dict[str, Port] = {}
    for part in parts:
        port = port_of(part)
        if port is None or port.optional:
            return {}
        name = port.name or port.kind
        if name in found:
            raise InputError(f"Two results are called {name!r}: name them, Annotated[Volume, Port('image', name=...)].")
        found[name] = replace(port, name=name)
    return found


def _way_to_a_volume(value: Any) -> str:
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        return "Read it first: wb.read(path)."
    if hasattr(value, "volume"):
        return "Give its volume: result.volume."
    return "Wrap it, with where it lies: wb.Volume(array, affine)."
