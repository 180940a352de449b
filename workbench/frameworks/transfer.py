"""Weights of another network for a part of this one: where the names meet is found, not asked for.

Files of ResNet, VGG, DenseNet and ViT, as torchvision and others write them, begin at names of their own
(``layer1.0.conv1.weight``, ``features.0.weight``, ``blocks.0.norm1.weight``), and networks that are built on such an
encoder hold it somewhere inside (``encoder.``, ``backbone.0.body.``). Two names meet where their ends are the same and
so are their shapes; the pair of beginnings under which most names meet is the place.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose
from workbench.frameworks.matching import MatchReport

#: How `into` says that the place is to be found.
ENCODER = "encoder"
#: The share of an encoder's weights, or of the file's, that must be found for it to be that encoder.
_ENOUGH = 0.9
#: Axes of the weights of a convolution of pictures, and of the positions of a transformer.
_PICTURE, _POSITIONS = 4, 3
#: What classifiers call the layers that decide, which are no part of an encoder.
_HEADS = ("fc", "classifier", "head", "heads", "head_dist", "pre_logits", "last_linear")
#: What networks call the part that sees the image first, if they have one for that.
_ENCODERS = ("encoder", "encoders", "backbone", "base", "frontend", "features", "vit", "down_path")
#: Names of torchvision's ViT, and of DenseNet files from before its layers were renamed.
_RENAMED = (
    (re.compile(r"^class_token$"), "cls_token"),
    (re.compile(r"^conv_proj\."), "patch_embed.proj."),
    (re.compile(r"^encoder\.pos_embedding$"), "pos_embed"),
    (re.compile(r"^encoder\.ln\."), "norm."),
    (re.compile(r"^encoder\.layers\.encoder_layer_(\d+)\.ln_(\d)\."), r"blocks.\1.norm\2."),
    (re.compile(r"^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_"), r"blocks.\1.attn.qkv."),
    (re.compile(r"^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\."), r"blocks.\1.attn.proj."),
    (re.compile(r"^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:linear_1|0)\."), r"blocks.\1.mlp.fc1."),
    (re.compile(r"^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:linear_2|3)\."), r"blocks.\1.mlp.fc2."),
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)\."), r"\1\2."),
)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a file's weights go: what follows `theirs` in the file follows `ours` in the network."""

    ours: str
    theirs: str
    matched: int


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What of a file goes into a network.

    Attributes
    ----------
    weights : dict of str to array
        Under the network's names.
    place : Place
        Where they go.
    adapted : tuple of str
        Which of them were made for other channels, or moved to another grid of patches.
    left_out : tuple of str
        What is left of the file, under its own names.
    """

    weights: dict[str, Array]
    place: Place
    adapted: tuple[str, ...]
    left_out: tuple[str, ...]


def fitted(tensors: Mapping[str, Array], wanted: Mapping[str, tuple[int, ...]], into: str, source: str) -> Fitted:
    """Return the weights of a file that belong to a part of a network, under the network's names.

    The first convolution of a file for other channels is adapted: for one channel its kernels are added up over theirs;
    else they are repeated along the channels, times the file's number of channels over the network's. Either way a
    picture that is the same in all channels gives the same as before. Positions that a transformer learnt on another
    (square) grid of patches are interpolated linearly, as the network does for pictures of another size; those of a
    class token stay.

    A file of the very network, or of one that has an encoder of the same name, gives its encoder alone: the part that
    is called so (``encoder``, ``backbone``, ...), or all but the layers that decide.

    Parameters
    ----------
    tensors : mapping of str to array
        Of the file.
    wanted : mapping of str to tuple of int
        Names and shapes of the network.
    into : str
        "encoder", to be found, or the name of a part of the network (``"backbone.0.body"``).
    source : str
        The file's name, for the error.

    Raises
    ------
    InputError
        If the network has no such part, or too little of it is in the file; if the file is of the whole network, and
        that has no part that is called an encoder.
    """
    given = {_renamed(name): array for name, array in tensors.items() if not _is_head(name)}
    part = "" if into == ENCODER else _part(into, wanted)
    inside = {name: tuple(shape) for name, shape in wanted.items() if name.startswith(part) and not _is_head(name)}
    place = _meeting({name: array.shape for name, array in given.items()}, inside)
    if into == ENCODER and (narrowed := _encoder_in(place, given, wanted, source)) is not None:
        place = narrowed
        given = {name: array for name, array in given.items() if name.startswith(place.theirs)}
    found: dict[str, Array] = {}
    adapted = []
    there = [name for name in inside if name.startswith(place.ours)]
    first = next((name for name in there if len(inside[name]) >= _PICTURE), "")
    flat = len(inside.get(first, ())) == _PICTURE
    for name in there:
        theirs, shape = given.get(place.theirs + name.removeprefix(place.ours)), inside[name]
        if theirs is None:
            continue
        if theirs.shape == shape:
            found[name] = theirs
            continue
        other = _adapted(theirs, shape) if name == first else _moved(theirs, shape) if flat else None
        if other is not None:
            found[name] = other
            adapted.append(name)
    _check_enough(found, given, inside, place, into, source)
    taken = {place.theirs + name.removeprefix(place.ours) for name in found}
    left = tuple(name for name in tensors if _renamed(name) not in taken and not _is_counter(name))
    return Fitted(found, place, tuple(adapted), left)


def reported(report: MatchReport, fitted: Fitted) -> MatchReport:
    """Return a report that also says where the weights went; what lies outside of that part is not missing."""
    place = fitted.place
    return dataclasses.replace(
        report,
        missing=tuple(name for name in report.missing if name.startswith(place.ours) and not _is_head(name)),
        into=place.ours.rstrip("."),
        taken_from=place.theirs.rstrip("."),
        adapted=fitted.adapted,
        left_out=fitted.left_out,
    )


def _encoder_in(
    place: Place, given: Mapping[str, Array], wanted: Mapping[str, tuple[int, ...]], source: str
) -> Place | None:
    """Return the encoder's place where more of the network meets than its encoder; None where it is that already."""
    if any(part in _ENCODERS for part in place.ours.split(".")):
        return None
    for part in _ENCODERS:
        ours, theirs = f"{place.ours}{part}.", f"{place.theirs}{part}."
        if any(name.startswith(ours) for name in wanted) and any(name.startswith(theirs) for name in given):
            return dataclasses.replace(place, ours=ours, theirs=theirs)
    weights = [name for name in wanted if not _is_counter(name)]
    # without the layers that decide, a classifier is an encoder
    if any(map(_is_head, weights)) or place.matched < _ENOUGH * len(weights):
        return None
    tops = ", ".join(dict.fromkeys(name.partition(".")[0] for name in weights))
    raise InputError(
        f"{source} holds the whole of this network, and no part of it is called an encoder. Leave into= out to take "
        f"all of it, or name the part that is meant; it begins with {tops}."
    )


def _meeting(given: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> Place:
    by_end: dict[tuple[str, tuple[int, ...]], list[list[str]]] = defaultdict(list)
    for name, shape in given.items():
        by_end[name.rpartition(".")[2], tuple(shape)].append(name.split("."))
    counts: Counter[tuple[str, str]] = Counter()
    for name, shape in wanted.items():
        ours = name.split(".")
        for theirs in by_end[ours[-1], shape]:
            for common, (one, other) in enumerate(zip(reversed(ours), reversed(theirs), strict=False), start=1):
                if one != other:
                    break
                counts[_begin(ours, common), _begin(theirs, common)] += 1
    if not counts:
        return Place("", "", 0)
    # of beginnings under which as many names meet, the longest: they say the most exactly which part it is
    (begin, beginning), matched = max(counts.items(), key=lambda item: (item[1], len(item[0][0])))
    return Place(begin, beginning, matched)


def _begin(parts: list[str], left_out: int) -> str:
    return "".join(f"{part}." for part in parts[: len(parts) - left_out])


def _check_enough(
    found: Mapping[str, Array],
    given: Mapping[str, Array],
    inside: Mapping[str, tuple[int, ...]],
    place: Place,
    into: str,
    source: str,
) -> None:
    ours = [name for name in inside if name.startswith(place.ours) and not _is_counter(name)]
    theirs = [name for name in given if not _is_counter(name)]
    count = sum(not _is_counter(name) for name in found)
    copies = _copies(given, place) if count >= _ENOUGH * len(ours) else []
    if copies:
        raise InputError(
            f"{source} holds {_described(given)} {len(copies)} times, under {', '.join(map(repr, copies))}, and it is "
            "not known which is meant. Keep the weights of one of them in a file."
        )
    # an encoder may end before the file does, but what is found by itself must be most of the file
    most = into != ENCODER or 2 * count >= len(theirs)
    if count and (count >= _ENOUGH * len(theirs) or (most and count >= _ENOUGH * len(ours))):
        return
    nearest = f"under {place.ours.rstrip('.')!r}" if place.ours else "at its top level"
    raise InputError(
        f"{source} holds {_described(given)}, which is not the {into} of this network: of {len(theirs)} weights in the "
        f"file and {len(ours)} in the network {nearest}, {count} agree in name and shape. Create the network with the "
        "options that make its encoder that one (width, depth, norm), or take a file of the encoder it has."
    )


def _copies(given: Mapping[str, Array], place: Place) -> list[str]:
    """Return the beginnings under which the same names come again, as of a student and a teacher."""
    ends = [name.removeprefix(place.theirs) for name in given if name.startswith(place.theirs)]
    begins = [name.removesuffix(ends[0]) for name in given if ends and name.endswith(f".{ends[0]}")]
    found = [begin for begin in begins if all(begin + end in given for end in ends)]
    # blocks of one network may be alike, but there is more than them
    return found if len(found) > 1 and len(found) * len(ends) >= _ENOUGH * len(given) else []


def _part(into: str, wanted: Mapping[str, Any]) -> str:
    parts = {".".join(name.split(".")[:end]) for name in wanted for end in range(1, name.count(".") + 1)}
    return choose(into.rstrip("."), sorted({ENCODER, *parts}), "part of the network") + "."


def _renamed(name: str) -> str:
    for pattern, instead in _RENAMED:
        name = pattern.sub(instead, name)
    return name


def _is_head(name: str) -> bool:
    return name.partition(".")[0] in _HEADS


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _moved(positions: Array, shape: tuple[int, ...]) -> Array | None:
    """Return positions [1, tokens, dim] on the grid of other tokens; None if these are none, or on no square grids."""
    if positions.ndim != _POSITIONS or len(shape) != _POSITIONS or positions.shape[::2] != shape[::2] or shape[0] != 1:
        return None
    for tokens in (1, 0):  # the class token
        before, after = (math.isqrt(max(0, n - tokens)) for n in (positions.shape[1], shape[1]))
        if before and after and (before**2 + tokens, after**2 + tokens) == (positions.shape[1], shape[1]):
            from scipy import ndimage

            grid = positions[0, tokens:].reshape(before, before, -1)
            steps = (after / before, after / before, 1)
            moved = ndimage.zoom(grid, steps, order=1, mode="nearest", grid_mode=True).reshape(after**2, -1)
            return np.asarray(np.concatenate([positions[0, :tokens], moved])[np.newaxis], positions.dtype)
    return None


def _adapted(kernel: Array, shape: tuple[int, ...]) -> Array | None:
    """Return the kernels of a first convolution for other channels; None where more differs than these."""
    if kernel.ndim != len(shape) or kernel.shape[:1] + kernel.shape[2:] != shape[:1] + shape[2:]:
        return None
    given, channels = kernel.shape[1], shape[1]
    if channels == 1:
        return np.asarray(kernel.sum(axis=1, keepdims=True), kernel.dtype)
    repeated = kernel[:, np.arange(channels) % given]
    return np.asarray(repeated * (given / channels), kernel.dtype)


def _described(given: Mapping[str, Array]) -> str:
    kinds = {
        "a ResNet": r"layer1\.0\.conv1\.",
        "a VGG": r"features\.0\.",
        "a DenseNet": r"denseblock1\.",
        "a vision transformer": r"blocks\.0\.attn\.",
    }
    known = (kind for kind, sign in kinds.items() if any(re.search(sign, name) for name in given))
    return next(known, "weights that begin with " + ", ".join(list(given)[:3]) if given else "no weights")
