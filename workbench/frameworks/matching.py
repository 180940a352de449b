"""Which weights of a file fit a network, by name and shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from workbench.errors import InputError


@dataclass(frozen=True)
class MatchReport:
    """What happened to each name when weights were put into a network.

    `mismatched` maps a name to (shape given, shape wanted). Where the weights went into a part of the network, `into`
    is its name, `taken_from` that of the part of the file ("" is the whole), `left_out` names the rest of the file, and
    `adapted` the weights that were made for another number of channels, or moved to another grid of patches.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    into: str | None = None
    taken_from: str = ""
    adapted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every name of the network was given, in the right shape, and nothing else."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} matched"]
        if self.into is not None:
            begin = f" of {self.taken_from!r}" if self.taken_from else ""
            parts[0] += f"{begin} into {repr(self.into) if self.into else 'the network'}"
            parts[0] += " alone" if self.left_out and self.into else ""
        if self.adapted:
            parts.append(f"{', '.join(self.adapted)} adapted to the network")
        rest = ("of the file left out", self.left_out)
        for label, names in (rest, ("missing", self.missing), ("unexpected", self.unexpected)):
            if names:
                parts.append(f"{len(names)} {label} ({_shortened(names)})")
        if self.mismatched:
            shapes = [f"{name} {given} for {wanted}" for name, (given, wanted) in self.mismatched.items()]
            parts.append(f"{len(shapes)} of another shape ({_shortened(shapes)})")
        return ", ".join(parts)


def match(
    wanted: Mapping[str, Sequence[int]],
    given: Mapping[str, NDArray[Any]],
    *,
    strict: bool,
    optional: Callable[[str], bool] = lambda name: name.rpartition(".")[2] == "num_batches_tracked",
) -> MatchReport:
    """Compare the names and shapes a network wants with the arrays that are given.

    Batch counters (``num_batches_tracked``) exist in torch only and are neither missing nor unexpected.

    Raises
    ------
    InputError
        If `strict` and anything is missing, unexpected or of another shape.
    """
    mismatched = {
        name: (tuple(given[name].shape), tuple(shape))
        for name, shape in wanted.items()
        if name in given and tuple(given[name].shape) != tuple(shape)
    }
    report = MatchReport(
        matched=tuple(name for name in wanted if name in given and name not in mismatched),
        missing=tuple(name for name in wanted if name not in given and not optional(name)),
        unexpected=tuple(name for name in given if name not in wanted and not optional(name)),
        mismatched=mismatched,
    )
    if strict and not report.complete:
        raise InputError(
            f"The weights do not fit the network: {report}. Build the network with the options the weights were made "
            "with, or load with strict=False to take what fits."
        )
    return report


def _shortened(names: Sequence[str], limit: int = 4) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown}, and {len(names) - limit} more"
