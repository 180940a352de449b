"""Pieces of Markdown made from values: text that stays text, code, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: What would begin an emphasis, a link, a table's cell or HTML. An underscore inside a word does not.
_MEANINGFUL = re.compile(r"[\\*\[\]<>|$]|(?<!\w)_|_(?!\w)")


def text(words: object) -> str:
    """Return words that Markdown shows as they are."""
    return _MEANINGFUL.sub(r"\\\g<0>", str(words))


def code(words: object) -> str:
    """Return words in code; a bar would end the cell of a table."""
    return "`" + str(words).replace("|", "\\|") + "`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines]) + "\n" if lines else ""


def section(title: str, content: str) -> str:
    """Return a section, or nothing where it would be empty."""
    return f"\n## {title}\n\n{content}" if content else ""
