"""The code that makes an explanation, for "Copy as code"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.explain.targets import Class, Region, Target, Voxel

if TYPE_CHECKING:
    from workbench.explain.explanation import Explanation


def explanation_code(explanation: Explanation, model: str, volume: str, region: str, name: str = "why") -> str:
    """Return Python code that makes `explanation`, options that have their default value left out.

    Parameters
    ----------
    model, volume, region : str
        Expressions for the model, the volume, and the labels of a region target.
    name : str
        What the map is assigned to.
    """
    from workbench.explain.registry import get

    defaults = get(explanation.method).check_options({})
    arguments = [model, volume, f"method={explanation.method!r}", f"target={target_code(explanation.target, region)}"]
    if explanation.layer is not None:
        arguments.append(f"layer={explanation.layer!r}")
    for option, value in explanation.options.items():
        if option not in defaults or value != defaults[option]:
            arguments.append(f"{option}={value!r}")
    return f"import workbench as wb\n\n{name} = wb.explain({', '.join(arguments)})\n"


def target_code(target: Target, region: str = "segmentation") -> str:
    """Return Python code for a target; `region` is the expression for the labels of a region target."""
    if isinstance(target, Class):
        return f"wb.explain.Class({target.which!r})"
    if isinstance(target, Region):
        where = "" if target.where in {None, target.label} else f", where={target.where!r}"
        return f"wb.explain.Region({region}, label={target.label!r}{where})"
    if isinstance(target, Voxel):
        place = repr(target.ijk) if target.ijk is not None else f"mm={target.mm!r}"
        return f"wb.explain.Voxel({place}, label={target.label!r})"
    return repr(target)
