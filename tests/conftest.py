"""Fixtures that every room's tests share."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import _plugins
from workbench._plugins import Registry
from workbench.testing.grids import oblique

# Two cores are all that continuous integration has; more threads only make the tests slower.
os.environ.setdefault("OMP_NUM_THREADS", "2")


# What runs note about their folders is nothing to write into the settings of whoever runs the tests.
os.environ["WORKBENCH_CONFIG"] = tempfile.mkdtemp(prefix="workbench-config-")

#: Modules that make another look worth its time: every large library has more.
_MANY_MODULES = 300
_seen: dict[str, Any] = {"file": None, "modules": 0}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Spare the garbage collector what was imported, which it would look through again and again and never free."""
    # between two files no fixture but those of the session is alive, so that only what is imported is kept for good
    begins, _seen["file"] = _seen["file"] != item.path, item.path
    if begins and len(sys.modules) > _seen["modules"] + _MANY_MODULES:
        gc.collect()
        gc.freeze()
        _seen["modules"] = len(sys.modules)


@pytest.fixture
def workbench_data() -> Path:
    """The folder of real data, or a skip that says why."""
    folder = os.environ.get("WORKBENCH_DATA")
    if not folder:
        pytest.skip("WORKBENCH_DATA is not set: the real data is not here")
    return Path(folder)


@dataclass
class _Point:
    """An entry point as an installed package would have it."""

    name: str
    thing: Any
    value: str = "somebody.elses:thing"

    def load(self) -> Any:
        if isinstance(self.thing, Exception):
            raise self.thing
        return self.thing


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let packages bring things: ``plug_ins(FORMATS, ours=Ours, broken=ImportError("no such module"))``."""
    used: list[Registry[Any]] = []

    def bring(registry: Registry[Any], **things: Any) -> None:
        points = [_Point(name, thing) for name, thing in things.items()]
        monkeypatch.setattr(_plugins, "entry_points", lambda group: points if group == registry.group else [])
        registry.reset()
        used.append(registry)

    yield bring
    monkeypatch.undo()
    for registry in used:
        registry.reset()


@pytest.fixture
def affine() -> np.ndarray:
    """An oblique, anisotropic affine with flipped axes: what an identity affine would hide."""
    return oblique()
