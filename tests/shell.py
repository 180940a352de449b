"""Shell lines of the documentation: what they call must be there; commands of the workbench are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from sybil import Example

from workbench.cli import _commands

ROOT = Path(__file__).parents[1]
TARGETS = set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
#: Commands that change nothing and take no time.
RUN = {"info", "read", "datasets", "zoo", "tool", "runs", "--version", "--help"}
#: Programs of others, which a test cannot judge.
OTHERS = {"cd", "gh", "git", "npm", "pip", "twine"}


def evaluate(example: Example) -> str | None:
    """Return what is wrong with the first bad line of a block, or None."""
    for line in str(example.parsed).splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"\w+=\S*", words[0]):  # variables before a command
            words = words[1:]
        problem = _problem(words) if words else None
        if problem:
            return f"{line}: {problem}"
    return None


def _problem(words: list[str]) -> str | None:
    program, *rest = words
    name = Path(program).name
    if name == "make":
        unknown = [word for word in rest if "=" not in word and word not in TARGETS]
        return f"the Makefile has no target {unknown[0]}" if unknown else None
    if name == "workbench":
        return _run(rest)
    if name in {"python", "pytest", "pre-commit"}:
        missing = [word for word in rest if "/" in word and not (ROOT / word).exists()]
        return f"there is no {missing[0]}" if missing else None
    return None if name in OTHERS else f"it is not known how {name} is tested (tests/shell.py)"


def _run(arguments: list[str]) -> str | None:
    try:
        _commands._parser().parse_args(arguments)
        if arguments[0] in RUN and _commands.main(arguments) != 0:
            return "it failed"
    except SystemExit as ended:
        return "the command line does not take that" if ended.code else None
    return None
