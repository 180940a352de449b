"""The command line: ``workbench doctor``, ``workbench info FILE``, ...

Everything heavy is imported by the command that needs it, so that ``workbench --help`` answers at once.
"""

from __future__ import annotations

from workbench.cli._commands import main

__all__ = ["main"]
