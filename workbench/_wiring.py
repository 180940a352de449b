"""What a room finds in rooms above it: places by name, written down by the package itself, which knows all rooms."""

from __future__ import annotations

#: By group of entry points, as the registry of that group is told; filled in `workbench/__init__.py`.
BUILT_IN: dict[str, dict[str, str]] = {}
