"""A network in the place of a model: made into one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from workbench.errors import InputError, check_keywords
from workbench.explain.registry import get
from workbench.volume import Volume


def as_model(model: Any, volume: Any, said: Mapping[str, Any] | None = None) -> Any:
    """Return the model of a network that was made elsewhere; a model as it is.

    Parameters
    ----------
    volume : object
        What it is asked about: if it is a Volume, an example of its images.
    said : mapping, optional
        What `workbench.wrap` is to be told.

    Raises
    ------
    InputError
        If it is neither, or something has to be said.
    """
    if hasattr(model, "prepare"):
        return model
    # the zoo is loaded where a network has to be made a model of, and not with the package
    from workbench.zoo.foreign import is_foreign, wrap

    if not is_foreign(model):
        raise InputError(
            "What is explained is a Model (wb.zoo.create, run.model()) or a network that wb.wrap takes, got "
            f"{type(model).__name__}."
        )
    told = dict(said or {})
    if isinstance(volume, Volume):
        told.setdefault("example", volume)
    return wrap(model, **told)


def split(model: Any, method: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is said of a network, and the options of the method; of a model nothing is said."""
    if hasattr(model, "prepare"):
        return {}, dict(options)
    from workbench.zoo.foreign import OPTIONS

    taken = get(method).parameters()
    for name in options:
        # one that is mistyped would be looked for among the options of the method alone
        if name not in OPTIONS and name not in taken and difflib.get_close_matches(name, OPTIONS):
            check_keywords([name], [*OPTIONS, *taken], "wb.explain()")
    said = {name: value for name, value in options.items() if name in OPTIONS and name not in taken}
    return said, {name: value for name, value in options.items() if name not in said}
