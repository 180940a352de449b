"""Above the room of frameworks nothing is done by the name of one, and none of their libraries is spoken to."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

import workbench

_PACKAGE = Path(workbench.__file__).parent
_NAMES = {"torch", "mindspore"}
_LIBRARIES = re.compile(r"\b(OMP_|GOMP_|KMP_|MKL_|CUBLAS|CUDA_|ONEDNN|ASCEND_|GLOG_)|\bcuda\b|\bnpu\b")
#: The room itself, and the contracts, which hold networks to both frameworks.
_ELSEWHERE = ("frameworks", "testing")
_VARIABLES = {
    "jobs/accelerators.py": "what drivers are told of their cards, which a queue counts without a framework",
    "tools/_processes.py": "threads of whatever a tool is computed with, below the frameworks",
}
_IMPORTS = {
    "transforms/augment.py": "MONAI takes and gives its tensors, whatever a network is computed with",
}
_TABLES = {
    "explain/explainers/captum_methods.py": "the frameworks that a method is for, as any plug-in declares them",
    "explain/explainers/lrp.py": "as captum_methods.py",
    "zoo/card.py": "the frameworks that a network is for, as any card declares them",
}


@functools.cache
def _modules():
    return {
        path.relative_to(_PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(_PACKAGE.rglob("*.py"))
        if path.relative_to(_PACKAGE).parts[0] not in _ELSEWHERE
    }


def _prose(tree):
    """Return the nodes that are text to be read: docstrings, and the literal parts of f-strings."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(node.value)
        if isinstance(node, ast.JoinedStr):
            found.update(node.values)
    return found


def _strings(tree):
    prose = _prose(tree)
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose
    ]


def _imported(tree):
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize("source", ["if a.framework == 'torch': pass", "x = {'torch': 1}", "f('torch')"])
def test_a_name_is_seen_wherever_something_may_be_done_by_it(source):
    assert _NAMES & {*_strings(ast.parse(source))}


def test_nothing_is_done_by_the_name_of_a_framework():
    found = {where for where, tree in _modules().items() if _NAMES & {*_strings(tree)}}
    assert found == {*_TABLES}


def test_no_library_of_a_framework_is_spoken_to():
    found = {where for where, tree in _modules().items() if any(map(_LIBRARIES.search, _strings(tree)))}
    assert found == {*_VARIABLES}


def test_no_framework_is_imported():
    found = {where for where, tree in _modules().items() if _NAMES & {name.split(".")[0] for name in _imported(tree)}}
    assert found == {*_IMPORTS}
