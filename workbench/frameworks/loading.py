"""The weights of a file into a network, all of them or those of a part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks import checkpoints, transfer
from workbench.frameworks.base import Framework
from workbench.frameworks.matching import MatchReport


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
    path = Path(path)
    wanted = framework.state(module).keys() if into is None else ()
    tensors = checkpoints.load(path, wanted, allow_non_finite=allow_non_finite)
    return put(framework, module, tensors, path.name, strict=strict, into=into)


def put(
    framework: Framework,
    module: Any,
    tensors: Mapping[str, Array],
    source: str,
    *,
    strict: bool = True,
    into: str | None = None,
) -> MatchReport:
    """Do what `load` does, with the weights of a file that is called `source`."""
    if into is None:
        report = framework.load_state(module, tensors, strict=strict)
        if not report.matched:
            raise InputError(
                f"No weight in {source} belongs to the network: {report}. Create it with the options the weights "
                'were made with; for a file of its encoder alone, give into="encoder".'
            )
        return report
    shapes = {name: value.shape for name, value in framework.state(module).items()}
    fitted = transfer.fitted(tensors, shapes, into, source)
    return transfer.reported(framework.load_state(module, fitted.weights, strict=False), fitted)
