"""Check the plug-ins that are installed here: ``pytest --pyargs workbench.testing.check``.

Everything that another package brings is found by its entry point and held to the contract of its kind, as far as
that goes without knowing it. Frameworks, explanation methods, checks of them and panels are checked whole (but that a
map doubles with the score), tools on a block in noise (but that they are cancelled on their way), data sets as they are
by default, and viewers are opened but not looked at. Of a format it is what becomes of damaged files and wrong options,
of an algorithm card and recipe, of a kind of job and of an executor what it says of itself. The rest takes a test class
of your own, with what the contract asks for. What cannot be loaded at all fails with the reason.
"""

from __future__ import annotations

import itertools
import re
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench._plugins import Registry
from workbench.datasets import Dataset, load
from workbench.datasets.catalogue import DATASETS
from workbench.errors import FileError, InputError, WorkbenchError
from workbench.explain.registry import EXPLAINERS
from workbench.explain.scoring import CHECKS
from workbench.frameworks._registry import FRAMEWORKS
from workbench.io import Format, write
from workbench.io._registry import FORMATS
from workbench.jobs.executors import EXECUTORS
from workbench.jobs.kind import KINDS as JOBS
from workbench.parameters import REQUIRED
from workbench.testing.algorithms.card import CardContract
from workbench.testing.checks import CheckContract
from workbench.testing.datasets import DatasetContract
from workbench.testing.executors import ExecutorContract
from workbench.testing.explainers import ExplainerContract
from workbench.testing.files import FileContract, distinct
from workbench.testing.frameworks import FrameworkContract
from workbench.testing.grids import oblique
from workbench.testing.jobs import JobKindContract
from workbench.testing.panels import PanelContract
from workbench.testing.tools import ToolContract
from workbench.testing.viewers import ViewerContract
from workbench.tools import Port, Tool
from workbench.tools.catalogue import TOOLS
from workbench.volume import Volume
from workbench.widgets.backends._base import VIEWERS
from workbench.widgets.desk_panel import PANELS
from workbench.zoo.catalogue import ALGORITHMS

#: What is tried of a format, the most telling first.
SHAPES = ((4, 5, 6), (40, 50), (4, 5))
DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")


class _Loaded(DatasetContract):
    @pytest.fixture
    def dataset(self) -> Dataset:
        needed = [name for name, one in DATASETS.get(self.name).parameters.items() if one.default is REQUIRED]
        if needed:
            pytest.skip(f"{self.name} cannot be loaded without {', '.join(needed)}")
        try:
            return load(self.name)
        except FileError as error:
            pytest.skip(f"the data are not here: {error}")


class _Operated(ToolContract):
    test_it_is_cancelled_on_its_way = None  # type: ignore[assignment]  # on so little it may be done in one go

    @pytest.fixture
    def inputs(self, tool: Tool) -> dict[str, Any]:
        if needed := [name for name, one in tool.parameters.items() if one.required]:
            pytest.skip(f"{self.name} cannot be run without {', '.join(needed)}")
        ports = {name: port for name, port in tool.inputs.items() if not port.optional}
        if tables := [name for name, port in ports.items() if port.kind == "table"]:
            pytest.skip(f"{self.name} takes a table as {tables[0]!r}, which only its author can make")
        made = {name: _made(port) for name, port in ports.items()}
        try:
            tool(**made)
        except InputError as error:
            pytest.skip(f"it does not take what is tried here: {error}")
        return made


def _made(port: Port) -> Volume:
    """Return something that may go in: a block in noise, oblique and with voxels that are no cubes."""
    shape: tuple[int, ...] = (12, 10) if port.ndim == 2 else (12, 10, 8)
    data = np.random.default_rng(5).uniform(20, 200, (*shape, port.channels or 1))
    data[tuple(slice(3, 7) for _ in shape)] += 50
    kind = "image" if port.kind == "volume" else port.kind
    if kind == "labels":
        data = (data > 150).astype(np.uint8)
    single = (port.channels or 1) == 1
    axes = (*"ijk"[: len(shape)], *([] if single else ["c"]))
    return Volume(data[..., 0] if single else data, oblique() if len(shape) == 3 else None, kind=kind, axes=axes)


class _Waiting(ExecutorContract):
    test_a_job_is_done_and_the_ticket_tells = None  # type: ignore[assignment]  # what it needs may not be here
    test_a_job_is_stopped_and_taken_up_again = None  # type: ignore[assignment]


class _Unseen(ViewerContract):
    def pixels(self, opened: Any) -> np.ndarray:
        pytest.skip("it opened; what it shows is for a test class of its own, which defines `pixels`")


class _Known:
    """What a format that only reads promises, whatever its files are like."""

    name: str

    def test_it_takes_no_file_for_its_own_that_is_none(self) -> None:
        known = FORMATS.get(self.name)
        noise = np.random.default_rng(3).integers(0, 256, 1024, np.uint8).tobytes()
        for head in (b"", b"\0" * 1024, b"plain text\n" * 90, noise):
            assert not known.sniff(head), f"`sniff` says yes to {head[:12]!r}..."

    def test_its_suffixes_are_endings_in_lower_case(self) -> None:
        for suffix in FORMATS.get(self.name).suffixes:
            assert suffix == suffix.lower()
            assert suffix.startswith(".")


class _Tried(_Known, FileContract):
    #: What all of the suffixes take.
    dtype: str

    def volume(self, dtype: str = "", affine: Any = None, **meaning: Any) -> Volume:
        return Volume(distinct(self.shape, self.dtype), affine, **meaning)


def held(known: Format) -> dict[str, Any]:
    """Return a shape and a type of voxels that a format can hold, and under which suffixes, by what it refuses.

    Raises
    ------
    InputError
        If it refuses everything that is tried.
    """
    for shape, dtype in itertools.product(SHAPES, DTYPES):
        suffixes = tuple(suffix for suffix in known.suffixes if _holds(known, shape, dtype, suffix))
        if suffixes:
            return {"shape": shape, "dtype": dtype, "suffixes": suffixes}
    raise InputError(f"The format {known.name!r} refuses to write any of {SHAPES} voxels of {', '.join(DTYPES)}.")


def _holds(known: Format, shape: tuple[int, ...], dtype: str, suffix: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            write(Volume(distinct(shape, dtype)), Path(folder) / f"volume{suffix}", format=known.name)
        except InputError:
            return False
    return True


def _of_format(name: str) -> type:
    """Return the test class for a format; what it keeps of a volume it does not say."""
    known = FORMATS.get(name)
    if not known.can_write:
        return type("", (_Known,), {"name": name})
    return type("", (_Tried,), {"name": name, **held(known)})


def _of_explainer(name: str) -> type:
    """Return the test class for an explanation method; whether its map doubles with the score it does not say."""
    found: dict[str, Any] = {"method": name, "proportional": False}
    if EXPLAINERS.get(name).needs_layer:
        found |= {"layer": "conv2", "energy_layer": "act"}
    return type("", (ExplainerContract,), found)


def _named(contract: type) -> Callable[[str], type]:
    return lambda name: type("", (contract,), {"name": name})


#: Each registry, and what makes a test class for a name in it.
KINDS: tuple[tuple[Registry[Any], Callable[[str], type]], ...] = (
    (FORMATS, _of_format),
    (DATASETS, _named(_Loaded)),
    (ALGORITHMS, _named(CardContract)),
    (FRAMEWORKS, _named(FrameworkContract)),
    (EXPLAINERS, _of_explainer),
    (CHECKS, _named(CheckContract)),
    (TOOLS, _named(_Operated)),
    (JOBS, _named(JobKindContract)),
    (EXECUTORS, _named(_Waiting)),
    (VIEWERS, _named(_Unseen)),
    (PANELS, _named(PanelContract)),
)


def _find() -> tuple[dict[str, type], dict[str, list[str]]]:
    """Return a test class for each plug-in, by its name in this module, and what cannot be used, by group."""
    classes: dict[str, type] = {}
    problems: dict[str, list[str]] = {}
    for registry, make in KINDS:
        told = problems[registry.group] = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what is broken a test tells
                names = registry.brought()
                told += registry.broken().values()
        except WorkbenchError as error:
            told.append(str(error))
            continue
        for name in names:
            try:
                registry.get(name)
                one = make(name)
            except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is told, and the others are checked
                told.append(f"{registry.what} {name!r} ({names[name]}): {type(error).__name__}: {error}")
                continue
            one.__name__ = one.__qualname__ = "Test_" + re.sub(r"\W", "_", f"{registry.what}_{name}")
            classes[one.__name__] = one
    return classes, problems


_CLASSES, _PROBLEMS = _find()
globals().update(_CLASSES)


@pytest.mark.parametrize("group", sorted(_PROBLEMS))
def test_everything_can_be_used(group: str) -> None:
    assert not _PROBLEMS[group], "\n".join(_PROBLEMS[group])
