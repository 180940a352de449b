"""The viewers that can show layers. A package adds one by the entry point group ``workbench.viewers``."""

from __future__ import annotations

from workbench.widgets.backends._base import Backend, get, names, register

__all__ = ["Backend", "get", "names", "register"]
