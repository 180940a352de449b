"""One case after the other: read, worked on, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench._atomic import write_text
from workbench.datasets.annotations import parts
from workbench.datasets.dataset import Dataset, Sample
from workbench.errors import Cancelled, FileError, InputError, StateError
from workbench.evaluation.table import Table
from workbench.io import write
from workbench.jobs.files import read_json
from workbench.parameters import plain
from workbench.tools.base import Tool
from workbench.volume import Volume
from workbench.work import Work

_NOTE = "mapping.json"
#: In the note: the ids of the cases, by number.
_CASES = "cases"


@dataclass(frozen=True)
class Plan:
    """What is to be done with each case, and where the results go."""

    tool: Tool
    options: dict[str, Any]
    shared: dict[str, Volume | Table]
    sources: dict[str, str]
    folder: Path
    suffix: str

    def open(self, dataset: Dataset, *, named: bool = False) -> None:
        """Make the folder and note in it what its results are of.

        Parameters
        ----------
        named : bool
            Whether the ids of the cases are noted, too, for who has no data set to ask.

        Raises
        ------
        StateError
            If it holds results of something else.
        FileError
            If it cannot be written.
        """
        note = {
            "tool": self.tool.name,
            "options": plain(self.options),
            "sources": self.sources,
            "shared": {name: _fingerprint(one) for name, one in self.shared.items()},
            "suffix": self.suffix,
            "data": dataset.fingerprint(),
            **self.tool.holds,
        }
        file = self.folder / _NOTE
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            there = json.loads(file.read_text("utf-8")) if file.exists() else None
            if there is not None:
                self._compare(there, note)
            if there is None or (named and _CASES not in there):
                write_text(file, json.dumps({**note, **({_CASES: dataset.ids} if named else {})}, indent=2))
        except OSError as error:
            raise FileError(
                f"The results cannot be written into {self.folder}: {error.strerror}. Choose a folder you may write."
            ) from error
        except ValueError as error:
            raise FileError(f"{file} is not JSON ({error}). Choose another folder.") from error

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the cases, where they are noted; else none."""
        return noted_ids(self.folder)

    def is_there(self, index: int) -> bool:
        """Tell whether all results of a case are there."""
        return all(self.file(index, name).exists() for name in self.tool.outputs)

    def there(self, cases: int) -> list[int]:
        """Return which of so many cases have all their results."""
        return [index for index in range(cases) if self.is_there(index)]

    def file(self, index: int, name: str) -> Path:
        """Return where a result of a case goes; by number, because a case may be named after a patient."""
        suffix = ".csv" if self.tool.outputs[name].kind == "table" else self.suffix
        middle = f".{name}" if len(self.tool.outputs) > 1 else ""
        return self.folder / f"{index:06d}{middle}{suffix}"

    def _compare(self, there: Mapping[str, Any], note: Mapping[str, Any]) -> None:
        for word in note:
            if there.get(word) != note[word]:
                raise StateError(
                    f"{self.folder} holds results of another {word}: {there.get(word)!r}, and not {note[word]!r}. "
                    "Choose another folder, or remove this one."
                )


class Cases:
    """The cases of a data set, each worked on as planned.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset or None
        None where samples are handed over.
    """

    def __init__(self, plan: Plan, dataset: Dataset | None) -> None:
        self.plan = plan
        self._dataset = dataset

    @property
    def dataset(self) -> Dataset:
        """Where the samples are read from."""
        assert self._dataset is not None
        return self._dataset

    def run(self, index: int, work: Work) -> str:
        """Work on a case and write what comes of it; return why that was not possible, else nothing.

        Raises
        ------
        Cancelled
            If `work` was stopped.
        """
        sample, why = self.read(index)
        return why or self.work_on(index, sample, work)

    def read(self, index: int) -> tuple[Sample, str]:
        """Return a sample with the voxels that are needed, and why that was not possible."""
        try:
            sample = self.dataset[index]
            for entry in self.plan.sources.values():
                for part in _volumes(sample.get(entry)):
                    part.load()
        except OSError:
            # what cannot be read is named by its path, and a path may name a patient
            asked = "wb.read of its file" if self.plan.ids else f"dataset[{index}]"
            return {}, f"It cannot be read; {asked} says why."
        except Exception as error:  # noqa: BLE001 - one case stops no other
            return {}, words_of(error, {"id": self.dataset.ids[index], "patient": self.dataset.patients[index]})
        return sample, ""

    def work_on(self, index: int, sample: Sample, work: Work) -> str:
        """Work on a sample and write what comes of it; return why that was not possible, else nothing.

        Raises
        ------
        Cancelled
            If `work` was stopped.
        """
        tool = self.plan.tool
        try:
            inputs = {name: _input(sample, entry, tool, name) for name, entry in self.plan.sources.items()}
            made = tool(**inputs, **self.plan.shared, **self.plan.options, work=work)
            for name, result in tool.results(made):
                _write(result, self.plan.file(index, name))
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - one case stops no other
            return words_of(error, sample)
        return ""


def noted_ids(folder: Path) -> tuple[str, ...]:
    """Return the ids of the cases that a folder of results is of, where they are noted; else none."""
    return tuple((read_json(folder / _NOTE) or {}).get(_CASES, ()))


def _fingerprint(given: Volume | Table) -> str:
    """Return what another input has another of."""
    if isinstance(given, Volume):
        return given.fingerprint()
    return hashlib.sha256(given.to_csv().encode()).hexdigest()


def words_of(error: Exception, sample: Mapping[str, Any]) -> str:
    """Return the words of an error without what may name a patient."""
    said = str(error).strip() or "no reason given"
    sources = [part.source for value in sample.values() for part in _volumes(value)]
    secrets = {sample["id"], sample["patient"]}
    secrets |= {word for source in sources if source for word in (str(source), source.name)}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "...", said)
    return said if isinstance(error, InputError) else f"{type(error).__name__}: {said}"


def _input(sample: Sample, entry: str, tool: Tool, name: str) -> Volume | None:
    """Return the Volume of a sample that an input is."""
    if entry not in sample:
        raise InputError(
            f"The sample has no {entry!r}, which {name!r} of {tool.name} was to be. It has {', '.join(sample)}."
        )
    found = _volumes(sample[entry])
    if not found and not tool.inputs[name].optional:
        raise InputError(f"Its {entry} is no Volume, and {tool.name} takes {tool.inputs[name].rule} as {name!r}.")
    return found[0] if found else None


def _volumes(value: Any) -> list[Volume]:
    """Return the Volumes that an entry of a sample holds."""
    return [part for part in parts(value).values() if isinstance(part, Volume)]


def _write(result: Volume | Table, file: Path) -> None:
    """Write a result; the file appears whole or not at all."""
    if isinstance(result, Table):
        write_text(file, result.to_csv())
        return
    # the name of the file that it came from may be that of a patient
    write(result.with_meaning(source=None), file)
