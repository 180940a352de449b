"""Sizes of a network: as published, or one of the named sets of options of its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import zoo
from workbench.errors import choose
from workbench.widgets.messages import Offer, Values

FULL = "full"
#: The variant that is suggested where a step of the network as published would take minutes.
_SMALL = "small"


class SizeOffer(Offer):
    """A size of a network, with the options that it sets."""

    options: Values


def choices(card: Any) -> list[SizeOffer]:
    """Return the sizes of an algorithm as choices, each with the options it sets."""
    rows: list[SizeOffer] = []
    quick = smallest(card)
    for name, values in sorted(card.variants.items(), key=lambda item: item[0] != quick):
        told = ", ".join(f"{key} {value}" for key, value in values.items())
        label = f"{name}, quick on a CPU" if name == quick else name
        rows.append({"value": name, "label": label, "reason": told, "options": values})
    return [*rows, {"value": FULL, "label": f"{FULL}, as published", "reason": "", "options": {}}]


def preset(algorithm: str, variant: str) -> dict[str, Any]:
    """Return the options that a size sets."""
    if variant == FULL:
        return {}
    variants = zoo.card(algorithm).variants
    return dict(variants[choose(variant, [*variants, FULL], f"size of {algorithm!r}")])


def suggested(algorithm: str, device: str) -> str:
    """Return the size to begin with on a device."""
    known = algorithm in [card.name for card in zoo.list()]
    return smallest(zoo.card(algorithm)) if known and device == "cpu" else FULL


def smallest(card: Any) -> str:
    """Return the size for a CPU: the one called small, or the one that the card gives the fewest parameters."""
    if _SMALL in card.variants:
        return _SMALL
    counts = {
        name: [told.count for told in card.parameters if told.options == values]
        for name, values in card.variants.items()
    }
    known = {name: min(found) for name, found in counts.items() if found}
    full = [told.count for told in card.parameters if not told.options]
    best = min(known, key=known.__getitem__, default=FULL)
    return best if best != FULL and (not full or known[best] < min(full)) else FULL


def recognise(algorithm: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the variant that options belong to, and what they change in it."""
    for name, values in zoo.card(algorithm).variants.items():
        if all(options.get(key) == value for key, value in values.items()):
            return name, {key: value for key, value in options.items() if key not in values}
    return FULL, dict(options)
