"""The marks of the contracts, and what lets a test run once for each framework that is installed."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import pytest


def _mark(name: str) -> Any:
    """Return the mark of a name; where a project refuses marks that it does not list, tests go without.

    Whoever inherits a contract need not list our marks, and is not warned of them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pytest.PytestUnknownMarkWarning)
        try:
            return getattr(pytest.mark, name)
        except pytest.fail.Exception:
            return pytest.mark.skipif(False, reason="unlisted")


#: On tests that need the extra ``mindspore``; they are skipped where it is not installed.
needs_mindspore = _mark("mindspore")
#: On tests that take more than about five seconds: ``-m "not slow"`` leaves them out.
slow = _mark("slow")

#: The frameworks of the workbench, for ``pytest.mark.parametrize("framework", FRAMEWORKS)``; tests begin with `need`.
FRAMEWORKS = ["torch", pytest.param("mindspore", marks=needs_mindspore)]


def need(framework: str) -> None:
    """Skip a test where the framework is not installed."""
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
