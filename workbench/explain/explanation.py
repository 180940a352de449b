"""Explanation: a Volume of scores on the input's grid, and how it was made."""

from __future__ import annotations

import dataclasses
import html
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench._words import lengths
from workbench.errors import FileError, InputError, StateError
from workbench.explain import _sidecar
from workbench.explain.code import refine_code, request_code
from workbench.explain.large.field import Field
from workbench.explain.registry import EXPLAINERS
from workbench.explain.targets import Target, from_description, points_with_a_volume
from workbench.signatures import checked

if TYPE_CHECKING:
    from workbench.explain.request import Request
    from workbench.volume import Volume

_KIND = ("workbench-explanation", 1)
_SUFFIXES = (".nii.gz", ".nii", ".npz")
_AGAIN = "It was edited or damaged; copy it again or make the explanation anew."
_ROBUST_PERCENTILE = 99.5  # one hot voxel should not darken the rest of the picture


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """A map of scores on the input's grid and affine, with everything needed to make it again.

    Parameters
    ----------
    volume : Volume
        Scores on the grid of the input volume.
    method, layer : str
        The method's name, and the layer it looked at (None for methods that need none).
    target : Target
        What was explained, made concrete.
    options : dict
        Every option of the method, defaults included.
    score : float
        The value of the explained score for the unchanged input.
    native_resolution : tuple of int
        Shape in which the method measured; the map was enlarged linearly from there. It cannot be sharper.
    native_spacing : tuple of float
        The size of one such cell, in mm, along the axes of the network's grid.
    weights_fingerprint, input_fingerprint : str
        SHA-256 of the model's weights and of the volume.
    baseline_score : float or None
        What the baseline scores, where the method compares the input with one as a whole: it is to be less.
    standard_error : float or None
        Of a value on average, on the network's grid, where samples were drawn: how far another seed may lead elsewhere.
    refined : str
        What it was refined by after it was made, as `workbench.explain.refine` does, and whether that changed little; a
        replay is not.
    refinements : list
        By what it was refined, first to last, each with the options that were not left at their defaults.
    conserved : bool
        Whether its values are shares of the score, which were brought onto the grid of the volume keeping their sum.
    schedule : list
        Batch sizes and memory layouts used, followed by a replay.
    field : Field or None
        What part of the network's input it was made from; None in files of earlier versions, which took the whole.
    """

    #: What is asked with; told by `request.py`, which stands above this module.
    _requests: ClassVar[type[Request]]

    volume: Volume
    method: str
    layer: str | None
    target: Target
    options: dict[str, Any]
    score: float
    native_resolution: tuple[int, ...]
    native_spacing: tuple[float, ...]
    weights_fingerprint: str
    input_fingerprint: str
    algorithm: str
    framework: str
    device: str
    versions: dict[str, str]
    notes: tuple[str, ...] = ()
    schedule: list[list[Any]] = field(default_factory=list)
    baseline_score: float | None = None
    conserved: bool = False
    standard_error: float | None = None
    refined: str = ""
    refinements: list[list[Any]] = field(default_factory=list)
    field: Field | None = None
    _model: Any = None
    _input: Volume | None = None

    @property
    def data(self) -> Array:
        """The scores, indexed as the input volume."""
        return self.volume.data

    @property
    def affine(self) -> Array:
        """Voxel to RAS mm, that of the input volume."""
        return self.volume.affine

    @property
    def shape(self) -> tuple[int, ...]:
        return self.volume.shape

    @property
    def title(self) -> str:
        """The method and what it explains, for a legend: ``"Grad-CAM: liver"``."""
        # a saved map may be of a method that is not installed here
        method = EXPLAINERS.get(self.method).title if self.method in EXPLAINERS.names() else self.method
        method += f", {self.refined}" if self.refined else ""
        return f"{method}: {getattr(self.target, 'name', '') or self.target}"

    @property
    def display_range(self) -> tuple[float, float]:
        """Values for the two ends of a colour map: from zero, or symmetric about zero if there are negative scores."""
        values = np.asarray(self.data)
        magnitude = np.abs(values[np.isfinite(values) & (values != 0)])
        high = float(np.percentile(magnitude, _ROBUST_PERCENTILE)) if magnitude.size else 1.0
        return (-high, high) if (values < 0).any() else (0.0, high)

    @property
    def knows_model(self) -> bool:
        """Whether it knows the model and the volume that it was made with; one that was read from a file does not."""
        return self._model is not None and self._input is not None

    def with_data(self, data: Array) -> Explanation:
        """Return the same with another map on the same grid: one that was smoothed, say, or cut at a threshold."""
        return dataclasses.replace(self, volume=self.volume.with_data(data))

    @property
    def request(self) -> Request:
        """What it was asked by, with all that was left open filled in, and its batches; run, it gives the same map.

        Raises
        ------
        StateError
            If the model or the volume is not known any more, as after `load`.
        """
        return self._ask(self._model, self._input)

    def replay(self, model: Any = None, volume: Volume | None = None) -> Explanation:
        """Make the map again from its own parameters.

        Parameters
        ----------
        model, volume : optional
            Needed after `load`; otherwise those that the map was made with are used. Another model or volume is
            allowed, and noted in the result.

        Raises
        ------
        StateError
            If the model or the volume is not known any more.
        """
        again = self._ask(
            model if model is not None else self._model, volume if volume is not None else self._input
        ).run()
        notes = list(again.notes)
        if again.weights_fingerprint != self.weights_fingerprint:
            notes.append("Replayed with other weights than those of the first explanation.")
        if again.input_fingerprint != self.input_fingerprint:
            notes.append("Replayed on another volume than that of the first explanation.")
        return dataclasses.replace(again, notes=tuple(notes))

    def code(
        self, model: str = "model", volume: str = "volume", region: str = "segmentation", name: str = "why"
    ) -> str:
        """Return Python code that makes this map, as `name`, given those of the model, the volume and the region."""
        # files of earlier versions do not tell the options
        done = self.refinements or ([[self.refined, {}]] if self.refined else [])
        return request_code(self, model, volume, region, name) + "".join(refine_code(name, *one) for one in done)

    def describe(self) -> dict[str, Any]:
        """Return everything but the voxels as plain data."""
        plain = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in {"volume", "target", "field"} and not f.name.startswith("_")
        }
        made_from = {} if self.field is None else {"field": self.field.describe()}
        return json.loads(json.dumps({**_sidecar.head(_KIND), "target": self.target.describe(), **plain, **made_from}))  # type: ignore[no-any-return]

    @checked("explanation.save()")
    def save(self, path: str | Path) -> Path:
        """Write the map (``.nii.gz``, ``.nii`` or ``.npz``) and beside it a ``.json`` with how it was made.

        The labels that a target points with are written beside them too. Each file appears whole or not at all, the
        ``.json`` last.

        Raises
        ------
        InputError
            If the suffix is another one.
        FileError
            If a file cannot be written.
        """
        from workbench import io

        path = Path(path)
        suffix = _suffix(path)
        written = io.write(self.volume, path)
        if self.target.pointer is not None:
            io.write(self.target.pointer, _beside(path, f".region{suffix}"))
        _sidecar.write(_beside(path, ".json"), self.describe())
        return Path(written)

    @checked("explanation.export()")
    def export(self, path: str | Path, *, source: str | Path | None = None, patient: bool = False) -> Path:
        """Write the map alone, for other programs: they read no description beside it, and `load` cannot make it again.

        Parameters
        ----------
        path : path
            ``.dcm``: a DICOM Parametric Map, its values float and exact. ``.png``: a picture in the colours of the
            map's display range over the image in grey, the more opaque the larger a value; of a volume, the axial slice
            with the largest one. Pixels are square, so that lengths are in proportion. The colours are there alone for
            a map that was read from a file, which does not know its image.
        source : path, optional
            Of a DICOM map: the images it lies on. By default those that the volume was read from, if it was read from
            DICOM. Their study, frame of reference, series and images are referred to.
        patient : bool
            Whether the patient's and the study's names, numbers and dates are copied too, as an archive needs them to
            file the map.

        Raises
        ------
        InputError
            If the suffix is another one, or `patient` is asked for and there are no images.
        FileError
            If none of the images of `source` lies in the plane of a slice of the map, or a file cannot be written.
        """
        from workbench.explain.exporting import export

        return export(self, Path(path), None if source is None else Path(source), patient)

    @classmethod
    def load(cls, path: str | Path) -> Explanation:
        """Read what `save` has written.

        Raises
        ------
        FileError
            If a file is missing or is not an explanation's.
        """
        from workbench import io

        path = Path(path)
        suffix = _suffix(path)
        sidecar = _beside(path, ".json")
        missing = f"An explanation needs its {sidecar.name!r} beside it, but there is none. Copy both files together."
        told, give = _sidecar.read(sidecar, missing, _AGAIN), "the map that `save` has written"
        known = _sidecar.opened(told, repr(sidecar.name), _KIND, "an explanation", give)
        volume = io.read(path)
        volume = volume.with_data(volume.data, kind="scores")
        try:
            pointed = points_with_a_volume(known["target"])
            region = io.read(_beside(path, f".region{suffix}"), kind="labels") if pointed else None
            known["target"] = from_description(known["target"], region)
            for name in ("native_resolution", "native_spacing", "notes"):
                known[name] = tuple(known[name])
            if known.get("field") is None:
                # earlier versions gave the network all at once, whatever the size: so is it done again
                known["options"] = {"field": "whole", **known["options"]}
            else:
                known["field"] = Field.from_description(known["field"])
            return cls(volume=volume, **known)
        except (KeyError, TypeError, AttributeError, InputError) as error:
            raise FileError(
                f"{sidecar.name!r} does not describe an explanation completely: {error}. {_AGAIN}"
            ) from error

    def _ask(self, model: Any, volume: Volume | None) -> Request:
        if model is None or volume is None:
            raise StateError(
                "An explanation read from a file does not hold the model and the volume it was made with. "
                "Use replay(model, volume)."
            )
        return self._requests(model, volume, self.method, self.target, self.layer, self.options, schedule=self.schedule)

    def __repr__(self) -> str:
        return f"<Explanation {self._summary()}>"

    def _repr_html_(self) -> str:
        space = self.volume.space
        rows = {
            "method": self.method,
            "target": str(self.target),
            "layer": self.layer,
            "score": f"{self.score:.4g}",
            "measured on": f"{_times(self.native_resolution)} cells of {lengths(self.native_spacing, space)}",
            "shown on": f"{_times(self.volume.spatial_shape)} voxels of {lengths(self.volume.spacing, space)}",
            "made from": "" if self.field is None or self.field.kind == "whole" else str(self.field),
            "model": f"{self.algorithm} ({self.framework}, {self.device}), weights {self.weights_fingerprint[:8]}",
            "sum": self._sum(),
            "standard error": "" if self.standard_error is None else f"{self.standard_error:.3g} of a voxel on average",
            "note": " ".join(self.notes),
        }
        left = "style='text-align:left'"
        cells = "".join(
            f"<tr><th {left}>{name}</th><td {left}>{html.escape(str(value))}</td></tr>"
            for name, value in rows.items()
            if value
        )
        return f"<table>{cells}</table>"

    def _sum(self) -> str:
        """Return what the shares sum up to, beside what they should where that is known."""
        if not self.conserved:
            return ""
        total = f"{float(np.sum(self.data, dtype=np.float64)):.4g}, kept from the network's grid"
        if self.baseline_score is None:
            return total
        return f"{total}; the score differs from that of the baseline by {self.score - self.baseline_score:.4g}"

    def _summary(self) -> str:
        layer = f" at {self.layer}" if self.layer else ""
        low, high = self.display_range
        return (
            f"{self.method} of {self.target}{layer}: {_times(self.volume.spatial_shape)} voxels "
            f"from {_times(self.native_resolution)} cells, shown from {low:.3g} to {high:.3g}, "
            f"{self.algorithm} on {self.framework}"
        )


def _times(numbers: tuple[Any, ...]) -> str:
    return "x".join(f"{number:.4g}" for number in numbers)


def _suffix(path: Path) -> str:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise InputError(f"An explanation is saved as {', '.join(_SUFFIXES)}, but the file name is {path.name!r}.")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name[: -len(_suffix(path))] + ending)
