"""Request: what an explanation is asked by, as one thing that is handed on, run, replayed, printed and stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, check_keywords, choose
from workbench.explain import request_files
from workbench.explain.arrays import as_volume
from workbench.explain.base import Explainer
from workbench.explain.box import Box, input_box
from workbench.explain.code import request_code
from workbench.explain.explanation import Explanation
from workbench.explain.making import Making, make
from workbench.explain.registry import get
from workbench.explain.reporting import MapWork
from workbench.explain.targets import as_target
from workbench.explain.wrapped import as_model
from workbench.signatures import checked_class
from workbench.volume import Volume

if TYPE_CHECKING:
    from workbench.work import CancelEvent, Work

#: Arguments of `workbench.explain`, to be named where one is mistyped.
_OF_THE_CALL = ("method", "target", "layer", "progress", "cancel", "background")


@checked_class("Request")
@dataclass(frozen=True, eq=False, repr=False)
class Request:
    """What an explanation is asked by. It is checked when it is made; `dataclasses.replace` makes another of it.

    Parameters
    ----------
    model : Model
        Or a network that was made elsewhere, of which `workbench.wrap` makes one.
    volume : Volume
        2D or 3D, as `model.predict` takes it. Or an array, where nothing is done to it that depends on where its voxels
        lie: then it is one with 1 mm voxels, and a note of the map says so.
    method : str
        One of `explain.methods()`.
    target : Target, int or str, optional
        As for `workbench.explain`; None is what the model predicts, which is found out when it is run.
    layer : str, optional
        None is the model's default layer.
    options : mapping
        Those of the method, and `within`. All others are filled in; of `within` the bounding box is kept, as voxels of
        `volume`.
    schedule : sequence of (size, layout, repeats)
        Batches to follow, as `Explanation.schedule` has them: then the map is the same to the last bit on the same
        device. Without one they are measured, which may round sums of many batches otherwise.

    Raises
    ------
    InputError
        If the model is none, the method or an option is unknown, a value breaks its rule, the method takes no layer or
        the model has none of that name, or the target is none. What only the network can tell (a class that it does
        not have, a voxel that it does not see) is told when it is run.

    Examples
    --------
    >>> import numpy as np, workbench as wb
    >>> model = wb.zoo.create("3d-unet", num_classes=3, width=4, depth=2)
    >>> request = wb.explain.Request(model, wb.Volume(np.zeros((8, 8, 8))), "occlusion", 1, options={"window": 4})
    >>> request
    <Request occlusion of class 1: 3d-unet on 8x8x8 voxels>
    >>> print(request.code("model", "ct"))
    import workbench as wb
    <BLANKLINE>
    why = wb.explain(model, ct, method='occlusion', target=wb.explain.Class(1), window=4)
    <BLANKLINE>
    """

    model: Any
    volume: Volume
    method: str = "grad-cam"
    target: Any = None
    layer: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    schedule: Sequence[Sequence[Any]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", as_model(self.model, self.volume))
        object.__setattr__(self, "volume", as_volume(self.model, self.volume))
        if not isinstance(self.volume, Volume):
            raise InputError(
                f"A request: volume must be a Volume, got {type(self.volume).__name__}. "
                "Wrap it: wb.Volume(array, affine)."
            )
        explainer = get(self.method)
        explainer.check_framework(self.model.framework.name)
        if reason := explainer.misfit(self.model):
            raise InputError(
                f"The method {self.method!r} cannot explain this model: {reason}. Take another: "
                "wb.explain.methods(model) says which ones can."
            )
        _check_layer(explainer, self.model, self.layer)
        given = {
            "target": as_target(self.target),
            "options": _complete(explainer, self.options, self.volume),
            "schedule": _checked_schedule(self.schedule),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def box(self) -> Box | None:
        """The part of the volume that the map is wanted in, in voxels: start and stop; None is all of it."""
        if "within" not in self.options:
            return None
        start, stop = self.options["within"]
        return tuple(start), tuple(stop)

    def run(
        self,
        *,
        progress: Callable[..., object] | None = None,
        cancel: CancelEvent | None = None,
        work: Work | None = None,
    ) -> Explanation:
        """Make the map.

        Parameters
        ----------
        progress, cancel : optional
            As for `workbench.explain`.
        work : Work, optional
            Instead of these two: is told how far it is, and stops it.

        Raises
        ------
        InputError, StateError, Cancelled
            As `workbench.explain`.
        """
        if work is None:
            return make(self, MapWork(progress, cancel))
        if progress is not None or cancel is not None:
            raise InputError("A request is run with progress= and cancel=, or with work=, got both. Leave one out.")
        return make(self, MapWork.part_of(work))

    def steps(self) -> Iterator[tuple[float, Explanation]]:
        """Yield ``(fraction, explanation so far)`` coarse to fine; the last one, at fraction 1, is exact."""
        making = Making(self)
        for step in making.steps():
            yield step.fraction, making.finish(step)

    def code(
        self, model: str = "model", volume: str = "volume", region: str = "segmentation", name: str = "why"
    ) -> str:
        """Return Python code that makes the map, as `name`, given those of the model, the volume and the region."""
        return request_code(self, model, volume, region, name)

    # ---- stored ----------------------------------------------------------------------------------------------------

    def to_json(self, model: str | Path, volume: str | Path, region: str | Path | None = None) -> dict[str, Any]:
        """Return it as plain data.

        Parameters
        ----------
        model : str or Path
            What the model is found by: the file that `Model.save` wrote, a checkpoint of a run
            (``run.checkpoint(epoch).model_path``), or a name of `workbench.zoo.trained`.
        volume, region : str or Path
            The files of the volume, and of the labels of a region target.

        Returns
        -------
        dict
            Those three, with the fingerprints of what they must hold, and all the rest. Nothing in it is a picture or a
            name of a patient, unless the paths are.

        Raises
        ------
        InputError
            If the target is a region and `region` is missing; if an option is nothing that JSON can hold.
        """
        return request_files.describe(self, model, volume, region)

    @classmethod
    def from_json(cls, known: Mapping[str, Any], folder: str | Path = ".", *, device: str | None = None) -> Request:
        """Make a request again of what `to_json` returned.

        Parameters
        ----------
        folder : path
            Where relative paths begin.
        device : str, optional
            Where the model is to run; by default where it ran.

        Raises
        ------
        FileError
            If it describes no request, or a file is missing, damaged, or not the one that was asked about.
        InputError, StateError
            If the method, the framework or the device is not to be had here.
        """
        return cls(**request_files.arguments(known, Path(folder), "A request", device))

    def save(self, folder: str | Path) -> Path:
        """Write a new folder with all that it takes to run it elsewhere: the model, the volume, a region, the request.

        Voxels, affine and weights are kept to the last bit. The names of channels and labels, notes and the place that
        the volume came from are not written, as they may name a patient. The folder is its owner's alone.

        Raises
        ------
        InputError
            If the folder holds something already, or the model is none that can be saved.
        FileError
            If it cannot be written; then nothing is left.
        """
        return request_files.save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path, *, device: str | None = None) -> Request:
        """Read what `save` has written.

        Parameters
        ----------
        device : str, optional
            Where the model is to run; by default where it ran.

        Raises
        ------
        FileError
            If a file is missing, damaged, or not of this request.
        InputError, StateError
            If the method, the framework or the device is not to be had here.
        """
        return cls(**request_files.load(Path(folder), device))

    def __repr__(self) -> str:
        what = "what is predicted" if self.target is None else self.target
        layer = f" at {self.layer}" if self.layer else ""
        shape = "x".join(map(str, self.volume.spatial_shape))
        return f"<Request {self.method} of {what}{layer}: {self.model.algorithm.name} on {shape} voxels>"


def _check_layer(explainer: Explainer, model: Any, layer: str | None) -> None:
    if layer is None:
        return
    if not explainer.needs_layer:
        raise InputError(f"The method {explainer.name!r} looks at no layer, but layer is {layer!r}. Leave it out.")
    choose(layer, [info.name for info in model.layers()], "layer")


def _complete(explainer: Explainer, given: Mapping[str, Any], volume: Volume) -> dict[str, Any]:
    """Return all options of a method, and the box where there is one."""
    if not isinstance(given, Mapping):
        raise InputError(f"A request: options must be a mapping of name to value, got {given!r}. Give a dict.")
    options = dict(given)
    within = options.pop("within", None)
    known = explainer.parameters()
    if unknown := [name for name in options if name not in known]:
        also = ["within"] if explainer.supports_box else []
        check_keywords(unknown, [*known, *also, *_OF_THE_CALL], f"The method {explainer.name!r}")
    if within is None:
        return explainer.check_options(options)
    if not explainer.supports_box:
        check_keywords(["within"], explainer.check_options({}), f"The method {explainer.name!r}")
    box = input_box(within, volume)
    return {**explainer.check_options(options), "within": [list(corner) for corner in box]}


def _checked_schedule(given: Any) -> list[list[Any]]:
    try:
        return [[int(size), str(layout), int(repeats)] for size, layout, repeats in given]
    except (TypeError, ValueError):
        raise InputError(
            f"A request: schedule must be a list of (size, layout, repeats), got {given!r}. Give that of an "
            "Explanation, or leave it out."
        ) from None


# an explanation knows what it was asked by, and a request makes explanations: the lower of both is told of the higher
Explanation._requests = Request
