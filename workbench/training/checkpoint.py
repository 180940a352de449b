"""Checkpoints: a folder each, whole or not there at all.

``checkpoints/epoch-0003/`` holds ``model.safetensors`` (a model file like any other), ``optimizer.safetensors`` (large,
so only in the newest ones) and ``state.json``: the position in the run, and the SHA-256 of every file. It is written
under a temporary name, flushed to the disk, and renamed, so a crash at any moment leaves either the whole checkpoint or
none. What is read is verified; a damaged checkpoint is passed over for the one before it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _atomic
from workbench.errors import FileError, InputError
from workbench.jobs import faults
from workbench.jobs.files import plain, read_json, write_json
from workbench.training.store import CHECKPOINTS

MODEL = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
# Two, so that one damaged checkpoint costs minutes and not the run.
RESUMABLE_KEPT = 2

Tensors = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Position:
    """Where in a run a checkpoint was taken: with seed and recipe, all that decides what comes next.

    Order of the data, augmentation and dropout are functions of (seed, epoch, step), so no generator state is needed.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    step : int
        Steps done of the epoch under way (0 between epochs).
    global_step : int
        Steps done since the beginning.
    metrics_bytes : int
        Size of the metrics file at that moment.
    best_epoch, best_score : int, float or None
        The best epoch so far by the recipe's monitor.
    sums : dict of str to float
        Sums of the loss terms over the steps of the epoch under way.
    samples : int
        Samples those sums stand for.
    optimizer : dict
        What the optimiser keeps besides tensors.
    """

    epoch: int = 0
    step: int = 0
    global_step: int = 0
    metrics_bytes: int = 0
    best_epoch: int | None = None
    best_score: float | None = None
    sums: dict[str, float] = field(default_factory=dict)
    samples: int = 0
    optimizer: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the checkpoint's folder."""
        return f"step-{self.global_step:09d}" if self.step else f"epoch-{self.epoch:04d}"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk."""

    path: Path
    position: Position
    files: dict[str, str]

    @property
    def resumable(self) -> bool:
        """Whether the optimiser is in it too."""
        return (self.path / OPTIMIZER).exists()

    @property
    def learned(self) -> bool:
        """Whether it holds more than the weights that the run began with."""
        return self.position.global_step > 0

    @property
    def model_path(self) -> Path:
        """The model file."""
        return self.path / MODEL

    def __repr__(self) -> str:
        where = f"epoch {self.position.epoch}" + (f", step {self.position.step}" if self.position.step else "")
        return f"<Checkpoint {self.path.name}: {where}{', resumable' if self.resumable else ''}>"

    def verify(self, *names: str) -> None:
        """Check the named files (default: all that are there) against their checksums.

        Raises
        ------
        FileError
            If one is missing or its content is not what was written.
        """
        for name in names or [n for n in self.files if n != OPTIMIZER or self.resumable]:
            try:
                found = _sha256(self.path / name)
            except FileNotFoundError as error:
                raise FileError(f"Checkpoint {self.path.name} has no {name}. Use another checkpoint.") from error
            if found != self.files[name]:
                raise FileError(
                    f"Checkpoint {self.path.name} is damaged: the SHA-256 of {name} is {found[:12]}..., but "
                    f"{self.files[name][:12]}... was written. Use another checkpoint."
                )


class Checkpoints:
    """The checkpoints of a run directory."""

    def __init__(self, run: Path) -> None:
        self.path = run / CHECKPOINTS

    def save(
        self, position: Position, model: Tensors, metadata: dict[str, str], optimizer: Tensors | None
    ) -> Checkpoint:
        """Write a checkpoint.

        Parameters
        ----------
        position : Position
            Where the run stands.
        model : dict of str to numpy.ndarray
            State of the network.
        metadata : dict of str to str
            What makes it a model file: algorithm, configuration, classes, preprocessing.
        optimizer : dict of str to numpy.ndarray or None
            State of the optimiser; None makes a checkpoint to look at, not to resume from.
        """
        from workbench.frameworks import weights

        faults.point("checkpoint.begin")
        self.path.mkdir(exist_ok=True)
        target = self.path / position.name
        with _atomic.making_folder(target, durable=True) as temporary:
            weights.save(temporary / MODEL, model, metadata)
            faults.point("checkpoint.model")
            files = {MODEL: _sha256(temporary / MODEL)}
            if optimizer is not None:
                weights.save(temporary / OPTIMIZER, optimizer, {})
                files[OPTIMIZER] = _sha256(temporary / OPTIMIZER)
            record = {"position": plain(asdict(position)), "files": files}
            write_json(temporary / STATE, {**record, "sha256": _digest(record)})
            faults.point("checkpoint.rename")
            _atomic.remove(target)
        faults.point("checkpoint.renamed")
        return Checkpoint(target, position, files)

    def all(self) -> list[Checkpoint]:
        """Return the checkpoints that are complete, oldest first; damaged ones are left out (see `survey`)."""
        return self.survey()[0]

    def survey(self) -> tuple[list[Checkpoint], list[str]]:
        """Return the checkpoints whose state is sound, oldest first, and what is wrong with the others."""
        found, problems = [], []
        for path in sorted(self.path.glob("[!.]*")) if self.path.is_dir() else []:
            try:
                found.append(_read(path))
            except FileError as error:
                problems.append(str(error))
        return sorted(found, key=lambda item: (item.position.global_step, item.position.epoch)), problems

    def latest(self) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest checkpoint to resume from, verified, and why newer ones were passed over."""
        found, problems = self.survey()
        for checkpoint in reversed(found):
            if not checkpoint.resumable:
                continue
            try:
                checkpoint.verify()
            except FileError as error:
                problems.append(str(error))
                continue
            return checkpoint, problems
        return None, problems

    def at(self, epoch: int) -> Checkpoint:
        """Return the checkpoint taken after `epoch` epochs (0: before training).

        Raises
        ------
        InputError
            If there is none; the message lists those there are.
        """
        found = {item.position.epoch: item for item in self.all() if item.position.step == 0}
        if epoch not in found:
            listing = ", ".join(map(str, found)) or "none yet"
            raise InputError(f"There is no checkpoint of epoch {epoch}. Checkpoints of epochs: {listing}.")
        return found[epoch]

    def forget_after(self, position: Position) -> list[str]:
        """Remove everything newer than `position` and unfinished writes; return the names that were removed."""
        keep = {item.path.name for item in self.all() if item.position.global_step <= position.global_step}
        removed = []
        for path in sorted(self.path.iterdir()) if self.path.is_dir() else []:
            if path.name not in keep:
                _atomic.remove(path)
                removed.append(path.name)
        return removed

    def prune(self, position: Position, every: int) -> None:
        """Remove what is no longer needed: old mid-epoch checkpoints, superseded bests, old optimiser states.

        Parameters
        ----------
        position : Position
            The newest checkpoint's position.
        every : int
            Epochs that are a multiple of it stay, as do the first, the best and the newest.
        """
        faults.point("checkpoint.prune")
        found = self.all()
        resumable = {item.path for item in [c for c in found if c.resumable][-RESUMABLE_KEPT:]}
        for item in found:
            of_epoch = item.position.step == 0
            wanted = of_epoch and (item.position.epoch % every == 0 or item.position.epoch == position.best_epoch)
            if item.path in resumable or item.position.name == position.name:
                continue
            if not wanted:
                _atomic.remove(item.path)
            elif item.resumable:
                (item.path / OPTIMIZER).unlink()


def _read(path: Path) -> Checkpoint:
    try:
        record = read_json(path / STATE)
        body = {"position": record["position"], "files": record["files"]}
        if _digest(body) != record["sha256"]:
            raise ValueError("its checksum is wrong")
        return Checkpoint(path, Position(**record["position"]), record["files"])
    except (FileError, KeyError, TypeError, ValueError) as error:
        raise FileError(f"Checkpoint {path.name} is damaged: {STATE} is not as written ({error}).") from error


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
