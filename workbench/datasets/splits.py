"""Dividing cases into training, validation and test parts.

The order of the cases is drawn from a hash of the seed and the case's own name, not from a random number generator:
the split is then the same on every machine and with every NumPy version, and adding a case to a data set does not
shuffle all the others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated

from workbench.errors import InputError
from workbench.signatures import Field, Range, checked

#: Shares of the cases, where the user asks for nothing else.
DEFAULT_FRACTIONS: Mapping[str, float] = {"train": 0.7, "val": 0.1, "test": 0.2}

Fractions = Annotated[
    Mapping[str, float] | Sequence[float],
    Range(low=0),
    Field(label="Split", kind="number", many=True, placeholder="0.7, 0.1, 0.2", also="a mapping of names to shares"),
]


@checked("wb.datasets.make_splits()")
def make_splits(
    ids: Sequence[str],
    *,
    fractions: Fractions | None = None,
    seed: int = 0,
    patients: Sequence[str | None] | None = None,
    targets: Sequence[Hashable] | None = None,
) -> dict[str, list[int]]:
    """Divide cases by patient, with the same share of each class in every part.

    Parameters
    ----------
    ids : sequence of str
        The name of each case.
    fractions : mapping or sequence of float, optional
        Share of each part, by name or in the order train, val, test; they are scaled to a sum of 1.
    seed : int
        Another seed gives another division.
    patients : sequence of str or None, optional
        The patient of each case. All cases of a patient go into one part; None stands for a patient of its own.
    targets : sequence of hashable, optional
        The class of each case. Each part gets each class in proportion, to within one patient.

    Returns
    -------
    dict of str to list of int
        Ascending indices per part; disjoint, and together all cases.

    Raises
    ------
    InputError
        If a fraction is negative, or there are fewer patients than parts.
    """
    shares = check_fractions(fractions)
    groups = _groups(ids, patients)
    wanted = [name for name, share in shares.items() if share > 0]
    if len(groups) < len(wanted):
        raise InputError(
            f"{len(groups)} {'patient' if patients else 'case'}(s) cannot be divided into {len(wanted)} parts "
            f"({', '.join(wanted)}). Give more {'patients' if patients else 'cases'}, or `fractions` with fewer parts, "
            "such as {'train': 1}."
        )

    queue = _interleave(groups, seed, targets)
    out: dict[str, list[int]] = {name: [] for name in shares}
    counts = _share_out([len(groups[name]) for name in queue], [shares[name] for name in wanted])
    position = 0
    for name, count in zip(wanted, counts, strict=True):
        for group in queue[position : position + count]:
            out[name] += groups[group]
        position += count
    return {name: sorted(indices) for name, indices in out.items()}


def check_fractions(fractions: Fractions | None) -> dict[str, float]:
    """Return the share of each part by name, adding up to 1.

    Raises
    ------
    InputError
        If there are more than three unnamed fractions, or one is negative, or their sum is 0.
    """
    if fractions is None:
        return dict(DEFAULT_FRACTIONS)
    if not isinstance(fractions, Mapping) and len(fractions) > len(DEFAULT_FRACTIONS):
        raise InputError(
            f"`fractions` without names are (train, val, test); got {len(fractions)} numbers. Name them in a dict."
        )
    pairs = fractions.items() if isinstance(fractions, Mapping) else zip(DEFAULT_FRACTIONS, fractions, strict=False)
    try:
        named = {str(name): float(share) for name, share in pairs}
    except (TypeError, ValueError):
        raise InputError(f"`fractions` are numbers, such as (0.7, 0.1, 0.2), got {fractions!r}.") from None
    total = sum(named.values())
    if not named or min(named.values()) < 0 or not 0 < total < float("inf"):
        raise InputError(f"`fractions` must be 0 or more with a sum above 0, got {dict(named)}.")
    return {name: share / total for name, share in named.items()}


def plain_fractions(fractions: Fractions | None) -> dict[str, float] | list[float] | None:
    """Return fractions as they were given, as plain data for the spec of a data set."""
    if fractions is None:
        return None
    return dict(fractions) if isinstance(fractions, Mapping) else [*fractions]


def check_splits(splits: Mapping[str, Sequence[int]], cases: int) -> dict[str, list[int]]:
    """Return `splits` as plain lists, or say what is wrong with them.

    Raises
    ------
    InputError
        If an index is not one of the cases, or is in two parts or twice in one.
    """
    try:
        out = {str(name): [int(index) for index in indices] for name, indices in splits.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            f"splits must map names to indices of cases, got {splits!r}. Give them as {{'train': [0, 1], 'val': [2]}}."
        ) from None
    home: dict[int, str] = {}
    for name, indices in out.items():
        for index in indices:
            if not 0 <= index < cases:
                raise InputError(
                    f"Split {name!r} names case {index}; the data set has cases 0 to {cases - 1}. Leave it out."
                )
            if index in home:
                raise InputError(f"Case {index} is in split {home[index]!r} and again in {name!r}; keep it in one.")
            home[index] = name
    return out


def _groups(ids: Sequence[str], patients: Sequence[str | None] | None) -> dict[str, list[int]]:
    if patients is not None and len(patients) != len(ids):
        raise InputError(f"`patients` must name one patient per case: {len(ids)} cases, {len(patients)} patients.")
    groups: dict[str, list[int]] = {}
    for index, case in enumerate(ids):
        patient = patients[index] if patients is not None else None
        groups.setdefault(f"case:{case}:{index}" if patient is None else f"patient:{patient}", []).append(index)
    return groups


def _interleave(groups: dict[str, list[int]], seed: int, targets: Sequence[Hashable] | None) -> list[str]:
    """Order the groups so that every stretch of the order holds every class in proportion.

    Each group gets the place (k + 1/2) / m in its own class; sorting all groups by that place mixes the classes evenly.
    """
    strata: dict[Hashable, list[str]] = {}
    for name, indices in groups.items():
        kind = None if targets is None else Counter(targets[index] for index in indices).most_common(1)[0][0]
        strata.setdefault(kind, []).append(name)
    places: list[tuple[float, str, str]] = []
    for names in strata.values():
        ranked = sorted((_draw(seed, name), name) for name in names)
        places += [((rank + 0.5) / len(ranked), draw, name) for rank, (draw, name) in enumerate(ranked)]
    return [name for _, _, name in sorted(places)]


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}|{name}".encode()).hexdigest()


def _share_out(sizes: list[int], shares: list[float]) -> list[int]:
    """Cut a queue of groups into consecutive parts with about the wanted share of cases, at least one group each."""
    total = sum(sizes)
    counts: list[int] = []
    taken = done = 0
    target = 0.0
    for part, share in enumerate(shares):
        target += share * total
        rest = len(shares) - part - 1
        count = 0
        while taken < len(sizes) - rest:
            size = sizes[taken]
            # a group goes to the part that holds more than half of it
            if count > 0 and rest > 0 and done + size / 2 > target + 1e-9:
                break
            taken, done, count = taken + 1, done + size, count + 1
        counts.append(count)
    return counts
