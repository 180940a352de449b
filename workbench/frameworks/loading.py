"""The weights of a file into a network, all of them or those of a part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.frameworks import checkpoints, transfer
from workbench.frameworks.base import Framework, MatchReport


def load(
    framework: Framework,
    module: Any,
    path: str | Path,
    *,
    strict: bool = True,
    into: str | None = None,
    allow_non_finite: bool = False,
) -> MatchReport:
    """Do what `workbench.zoo.Model.load` says, for a network of a framework."""
    path, state = Path(path), framework.state(module)
    if into is None:
        tensors = checkpoints.load(path, state.keys(), allow_non_finite=allow_non_finite)
        report = framework.load_state(module, tensors, strict=strict)
        if not report.matched:
            raise InputError(
                f"No weight in {path.name} belongs to the network: {report}. Create it with the options the weights "
                'were made with; for a file of its encoder alone, give into="encoder".'
            )
        return report
    tensors = checkpoints.load(path, (), allow_non_finite=allow_non_finite)
    shapes = {name: value.shape for name, value in state.items()}
    found, place, adapted = transfer.fitted(tensors, shapes, into, path.name)
    return transfer.reported(framework.load_state(module, found, strict=False), place, adapted)
