"""Starting from weights that are there already: what is taken over, what is frozen, and a report of both."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.frameworks import Framework, checkpoints, loading, weights
from workbench.frameworks.matching import MatchReport

if TYPE_CHECKING:
    from workbench.zoo import Model


#: The share of the file's weights, or of the network's, that must fit: with less, nothing worth naming is taken over.
_ENOUGH = 0.5


def load_initial(framework: Framework, module: Any, source: Path | Model, into: str | None = None) -> dict[str, Any]:
    """Put the weights of a model file, or of a model, into a network, as far as names and shapes agree.

    A layer of another shape keeps its fresh weights: with another number of classes that is the head, which is thereby
    replaced.

    Parameters
    ----------
    source : Path or Model
        Where the weights come from.
    into : str, optional
        As for `workbench.zoo.Model.load`: the file is of this part of the network.

    Returns
    -------
    dict
        ``source``, ``algorithm``, ``matched``, ``missing`` (in the network, not in the file), ``unexpected`` (in the
        file, not in the network), ``replaced`` (name to shape in the file and shape in the network), ``adapted`` (made
        for another number of channels), ``into`` (the part that was found, None for the whole), ``left_out`` (of the
        file, as it does not belong to that part), ``summary`` in words.

    Raises
    ------
    InputError
        If nothing matches, or so little that they are the weights of another network.
    FileError
        If weights are not finite, or the file cannot be read.
    """
    if isinstance(source, Path):
        metadata = weights.peek(source) if checkpoints.kind(source) == "safetensors" else {}
    else:
        metadata = source.metadata()
    made = f" (made by {metadata['algorithm']})" if "algorithm" in metadata else ""
    try:
        if isinstance(source, Path):
            report = loading.load(framework, module, source, strict=False, into=into)
        else:
            tensors = source.state()
            weights.check_finite("the model", tensors)
            report = loading.put(framework, module, tensors, "the model", strict=False, into=into)
    except InputError as error:
        raise InputError(f"Fine-tuning needs weights that fit{made}. {error}") from error
    if into is None:
        _check_enough(report, made, metadata.get("config"))
    return {
        "source": str(source) if isinstance(source, Path) else "a model in memory",
        "algorithm": metadata.get("algorithm"),
        "matched": list(report.matched),
        "missing": list(report.missing),
        "unexpected": list(report.unexpected),
        "replaced": {name: [list(given), list(wanted)] for name, (given, wanted) in report.mismatched.items()},
        "adapted": list(report.adapted),
        "into": report.into,
        "left_out": list(report.left_out),
        "summary": str(report),
    }


def _check_enough(report: MatchReport, made: str, config: str | None) -> None:
    given = len(report.matched) + len(report.unexpected) + len(report.mismatched)
    wanted = len(report.matched) + len(report.missing) + len(report.mismatched)
    if len(report.matched) < _ENOUGH * min(given, wanted):
        options = ", ".join(f"{key}={value!r}" for key, value in json.loads(config or "{}").items())
        raise InputError(
            f"Fine-tuning needs weights that fit{made}, but most do not: {report}. Give the network the options that "
            f"they were made with{f': {options}' if options else ''}."
        )


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
