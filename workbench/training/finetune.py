"""Starting from weights that are there already: what is taken over, what is frozen, and a report of both."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.frameworks import Framework, checkpoints, loading, weights


def load_initial(framework: Framework, module: Any, path: Path, into: str | None = None) -> dict[str, Any]:
    """Put the weights of a model file into a network, as far as names and shapes agree.

    A layer of another shape keeps its fresh weights: with another number of classes that is the head, which is thereby
    replaced.

    Parameters
    ----------
    into : str, optional
        As for `workbench.zoo.Model.load`: the file is of this part of the network.

    Returns
    -------
    dict
        ``source``, ``algorithm``, ``matched``, ``missing`` (in the network, not in the file), ``unexpected`` (in the
        file, not in the network), ``replaced`` (name to shape in the file and shape in the network), ``adapted`` (made
        for another number of channels), ``into`` (the part that was found, None for the whole), ``summary`` in words.

    Raises
    ------
    InputError
        If nothing matches.
    """
    metadata = weights.peek(path) if checkpoints.kind(path) == "safetensors" else {}
    try:
        report = loading.load(framework, module, path, strict=False, into=into)
    except InputError as error:
        made = f" (made by {metadata['algorithm']})" if "algorithm" in metadata else ""
        raise InputError(f"Fine-tuning needs weights that fit{made}. {error}") from error
    return {
        "source": str(path),
        "algorithm": metadata.get("algorithm"),
        "matched": list(report.matched),
        "missing": list(report.missing),
        "unexpected": list(report.unexpected),
        "replaced": {name: [list(given), list(wanted)] for name, (given, wanted) in report.mismatched.items()},
        "adapted": list(report.adapted),
        "into": report.into,
        "summary": str(report),
    }


def trainable_names(names: list[str], freeze: tuple[str, ...]) -> list[str] | None:
    """Return the parameters that no pattern freezes, or None if all are trained.

    Parameters
    ----------
    names : list of str
        All parameter names.
    freeze : tuple of str
        Patterns: a layer (``down.0``: it and all in it), a shell pattern (``down.*``), or a regular expression that is
        searched for (``re:^down``).

    Raises
    ------
    InputError
        If a pattern matches nothing, or everything is frozen.
    """
    if not freeze:
        return None
    frozen: set[str] = set()
    for pattern in freeze:
        found = {name for name in names if _matches(name, pattern)}
        if not found:
            tops = list(dict.fromkeys(name.partition(".")[0] for name in names))
            raise InputError(
                f"A freeze pattern must match a layer; {pattern!r} matches none. Layers begin with {', '.join(tops)}."
            )
        frozen |= found
    left = [name for name in names if name not in frozen]
    if not left:
        raise InputError(f"freeze={list(freeze)} freezes every layer, so nothing could be learned. Leave one out.")
    return left


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("re:"):
        try:
            return re.search(pattern[3:], name) is not None
        except re.error as error:
            raise InputError(f"freeze has a regular expression that cannot be read: {pattern!r} ({error}).") from None
    parts = name.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:end]), pattern) for end in range(1, len(parts) + 1))
