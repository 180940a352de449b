"""Somebody who reads the documentation and types what it says: every code block of a page runs, from top to bottom.

The blocks of a page share their names. Python runs as it stands (``>>>`` is compared with what follows), shell is
looked at line by line (`tests/shell.py`). The reader has the files that a page names, small and made up, and little
patience: what a page trains is trained for a few epochs. A block that cannot run says so, visibly in the source:
``<!-- skip: next "reason" -->``. Pages whose blocks are the files of a package are run by `tests/pages.py`.
"""

from __future__ import annotations

import doctest
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.evaluators.doctest import NUMBER
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

import workbench as wb
from tests import readers_files, shell
from workbench import training

ROOT = Path(__file__).parents[1]
#: Pages that are a package: their blocks are its files.
PACKAGES = ("adding-an-algorithm.md", "how-to/add-*.md")
#: Enough for a network to find what is nearly everywhere.
EPOCHS = 8
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | NUMBER

pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=FLAGS),
        CodeBlockParser("sh", shell.evaluate),
        SkipParser(),
    ],
    path=str(ROOT),
    patterns=["README.md", "CONTRIBUTING.md", "benchmarks/*.md", "data/**/*.md", "docs/*.md", "docs/**/*.md"],
    excludes=["docs/generated/*", "docs/generated/**/*", "docs/_build/**/*", *(f"docs/{page}" for page in PACKAGES)],
    setup=lambda namespace: namespace.update(wb=wb),
    fixtures=["reader"],
).pytest()


@pytest.fixture(scope="module")
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which a page is read, with the files that it names."""
    home = tmp_path_factory.mktemp("reader")
    text = request.path.read_text("utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name, make in readers_files.MAKERS.items():
            if name in text:
                make(home)
        patch.chdir(home)
        patch.setenv("WORKBENCH_RUNS", str(home / "runs"))
        patch.setenv("WORKBENCH_CONFIG", str(home / "config"))
        patch.setattr(wb, "train", impatient(wb.train))
        patch.setattr(training.Run, "resume", _resumed_for_an_epoch)
        yield home


@pytest.fixture(autouse=True)
def doctest_reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever types the examples of a docstring: `wb` is imported, and a CT lies in the folder."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    request.getfixturevalue("doctest_namespace")["wb"] = wb
    home = tmp_path_factory.mktemp("reader")
    readers_files.ct(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("WORKBENCH_RUNS", str(home / "runs"))
        patch.setenv("WORKBENCH_CONFIG", str(home / "config"))
        yield


def impatient(train: Callable[..., training.Run]) -> Callable[..., training.Run]:
    """Return `train` for a few epochs of a network that is as small as can be; all else is as it was asked for."""
    small: dict[str, Any] = {"width": 4, "depth": 2}

    @functools.wraps(train)
    def trained(recipe: Any = None, data: Any = None, **options: Any) -> training.Run:
        if isinstance(recipe, str) and recipe in [card.name for card in wb.zoo.list()]:
            known = wb.zoo.card(recipe).options
            options = {**{key: value for key, value in small.items() if key in known}, **options}
        return train(recipe, data, **{**options, "epochs": EPOCHS, "num_threads": 1})

    return trained


def _resumed_for_an_epoch(run: training.Run, epochs: int | None = None) -> training.Run:
    return _RESUME(run, None if epochs is None else run.status["epoch"] + 1)


_RESUME = training.Run.resume
