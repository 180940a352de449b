"""Model: an algorithm with weights, on a device."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, check_suffix
from workbench.frameworks import Framework, LayerInfo, loading, weights
from workbench.frameworks.base import Outputs
from workbench.frameworks.matching import MatchReport
from workbench.parameters import Parameter
from workbench.signatures import checked
from workbench.transforms import Prepared, Preprocess
from workbench.transforms.axes import as_tuple, per_axis
from workbench.volume import Volume
from workbench.work import IDLE, Cancel, Progress, Work
from workbench.zoo import answering, checking, display, predicting
from workbench.zoo.algorithm import Algorithm
from workbench.zoo.inference import PredictionEstimate

if TYPE_CHECKING:
    from workbench.datasets import Dataset
    from workbench.jobs.job import Job
    from workbench.jobs.resources import Placement
    from workbench.tools.mapping import Report
    from workbench.zoo.windows import Windows

_PATCH_SIZE = Parameter("patch_size", "integer", None, "Windows of predictions.", low=1, unit="voxels", per_axis=True)


class Model:
    """An algorithm with weights, on a device. Made by `workbench.zoo.create` and `workbench.zoo.load`.

    Attributes
    ----------
    algorithm : Algorithm
    framework : Framework
    device : str
    config : dict
        Keyword arguments of the network.
    module : torch.nn.Module or mindspore.nn.Cell
        The network itself.
    patch_size : tuple of int or None
        Size of the windows that large images are predicted in; None decides by the size of the image.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        framework: Framework,
        device: str,
        config: Mapping[str, Any],
        module: Any,
        *,
        classes: Sequence[str] | None = None,
        preprocess: Mapping[str, Any] | None = None,
        patch_size: int | Sequence[int] | None = None,
    ) -> None:
        self.algorithm = algorithm
        self.framework = framework
        self.device = device
        self.config = dict(config)
        self.module = module
        self.classes = algorithm.class_names(config["num_classes"]) if classes is None else tuple(classes)
        if len(self.classes) != config["num_classes"]:
            raise InputError(f"The model has {config['num_classes']} classes, got the names {list(self.classes)}.")
        self.preprocess = algorithm.preprocess(config) if preprocess is None else preprocess
        self.patch_size = per_axis(as_tuple(_PATCH_SIZE.check(patch_size)), self.spatial_ndim, "patch_size")

    # ---- what it is ----------------------------------------------------------------------------------------------

    @property
    def preprocess(self) -> dict[str, Any]:
        """What is done to a volume before the network sees it; may be set, what is not named takes its default."""
        return self._preprocess.spec

    @preprocess.setter
    def preprocess(self, spec: Mapping[str, Any]) -> None:
        multiple = self.algorithm.sizes(self.config)[0]
        # whatever the specification says, the network's own rule on sizes holds too
        divisible_by = int(np.lcm(multiple, int(spec.get("divisible_by", 1))))
        self._preprocess = Preprocess({**spec, "divisible_by": divisible_by})

    @property
    def name(self) -> str:
        """Name of the algorithm."""
        return self.algorithm.name

    @property
    def task(self) -> Any:
        """The algorithm's task."""
        return self.algorithm.task

    @property
    def spatial_ndim(self) -> int:
        """2 for pictures, 3 for volumes."""
        return self.algorithm.card.dimensions

    @property
    def in_channels(self) -> int:
        """Number of channels that the network takes."""
        return int(self.config["in_channels"])

    @property
    def num_classes(self) -> int:
        """Number of classes, for segmentation the background included."""
        return int(self.config["num_classes"])

    @property
    def num_parameters(self) -> int:
        """Number of trainable scalars."""
        return self.framework.num_parameters(self.module)

    def layers(self) -> list[LayerInfo]:
        """Return the layers whose output can be looked at, in the order of their definition."""
        return self.framework.layers(self.module)

    def state(self) -> dict[str, Array]:
        """Return copies of all weights and running statistics under torch's names."""
        return self.framework.state(self.module)

    def default_layer(self) -> str:
        """Return the name of the layer that is looked at when no other is named."""
        return self.algorithm.default_layer(self.config)

    def weights_fingerprint(self) -> str:
        """Return the SHA-256 of all weights and running statistics; the same in every framework."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state().items()):
            if name.rpartition(".")[2] == "num_batches_tracked":  # a counter that torch alone keeps, and never uses
                continue
            digest.update(f"{name}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value, dtype="<f4").tobytes())
        return digest.hexdigest()

    # ---- answers -------------------------------------------------------------------------------------------------

    @checked("model.forward()")
    def forward(self, array: Array, *, network: Any = None) -> Outputs:
        """Return the raw outputs for a batch [n, c, *spatial] float32: an array, or arrays by name.

        Parameters
        ----------
        array : array [n, c, *spatial]
        network : module, optional
            The model's network in a form that answers alike (see `Framework.layout`). Default: as it is.

        Raises
        ------
        InputError
            If the number of axes, the channels or the size are not what the network takes.
        """
        array = np.asarray(array)
        checking.check_batch(self, array.shape)
        chosen = self.module if network is None else network
        return self.framework.forward(chosen, np.ascontiguousarray(array, dtype=np.float32))

    def prepare(self, volume: Volume) -> Prepared:
        """Return `volume` as `predict` hands it to the network, with the way back onto its grid.

        Raises
        ------
        InputError
            If the number of spatial axes or of channels is not what the network takes.
        StateError
            If it does not fit into memory.
        """
        checking.check_volume(self, volume)
        with answering.in_memory(self, volume.spatial_shape):
            return self._preprocess.apply(volume, at_least=self.algorithm.sizes(self.config)[1])

    @checked("model.infer()")
    def infer(self, batch: Array, *, progress: Progress | None = None, cancel: Cancel | None = None) -> Any:
        """Return the decoded predictions for prepared images of one size [n, c, *spatial], large ones by windows.

        Returns
        -------
        array or list
            One prediction per image, on the network's grid. Segmentation: labels [n, *spatial]. Classification:
            probabilities [n, num_classes]. Detection: a list of Boxes.

        Raises
        ------
        StateError
            As for `predict`.
        """
        return answering.infer(self, batch, progress=progress, cancel=cancel)

    @checked("model.estimate()")
    def estimate(self, volume: Volume | Prepared, *, skip_air: bool = True) -> PredictionEstimate:
        """Return what `predict` would take on this device, from a trial of one window of the volume.

        For an image that is seen in one window the trial takes as long as the prediction itself; see `windows`.
        """
        return answering.estimate(self, self._ready(volume), skip_air=skip_air)

    def windows(self, volume: Volume | Prepared) -> int:
        """Return in how many windows the network would see a volume: 1 where it takes it whole."""
        return answering.windows(self, self._ready(volume))

    def tiling(self, prepared: Prepared) -> Windows:
        """Return where these windows lie on the network's grid, and how they are blended."""
        return answering.tiling(self, prepared.spatial_shape)

    @checked("model.predict()")
    def predict(
        self,
        volume: Volume,
        *,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        skip_air: bool = True,
        precision: str = "float32",
    ) -> Any:
        """Answer for a volume, in its own grid and affine.

        A large volume is answered window by window. Its labels are decided as soon as all windows over a place are
        known: beside the answer there are only the outputs in the making, never those for the whole volume.

        Parameters
        ----------
        progress : callable, optional
            Called with the share of the work done, 0 to 1.
        cancel : callable, optional
            Asked between forward passes, and on PyTorch between the layers of one; True raises
            `workbench.zoo.Cancelled`.
        skip_air : bool
            Of windows in which there is nothing but air, the network sees one; its answer is taken for the others. Air
            is what lies below -900 HU everywhere in a window, or, where values are not in HU, what has the lowest value
            of the volume everywhere in it.
        precision : {"float32", "bfloat16", "auto"}
            What a network for segmentation computes in, window by window. "auto": bfloat16 where the CPU has it (about
            twice as fast) and probabilities change by 1e-3 at most on the windows that are tried; a note of the answer
            says what was found.

        Returns
        -------
        Volume, Classification or Shapes
            Segmentation: labels with their names. Classification: probabilities by class. Detection: Boxes with
            scores. In general, what the algorithm's task answers.

        Raises
        ------
        StateError
            If weights of the network are not finite, or memory is too small for one window or for the answer.
        """
        return self.answer(
            self.prepare(volume), progress=progress, cancel=cancel, skip_air=skip_air, precision=precision
        )

    def answer(self, prepared: Prepared, **how: Any) -> Any:
        """Answer as `predict` does, with its options, for a volume that was prepared already."""
        return answering.answer(self, prepared, answering.How.of(how))

    def probabilities(self, volume: Volume, **how: Any) -> Volume:
        """Return the probability of every label, as channels of a Volume on the grid of `volume`.

        Parameters
        ----------
        **how
            As for `predict`; ``tuned=False`` leaves batch size and memory layout as they are, so that the same input
            gives the same bits.

        Raises
        ------
        StateError
            If the model does not segment, or as for `predict`.
        """
        return answering.probabilities(self, volume, answering.How.of(how))

    @checked("model.predict_over()")
    def predict_over(
        self,
        dataset: Dataset | str | Path,
        *,
        out: str | Path,
        suffix: str | None = None,
        background: bool | Placement = False,
        work: Work = IDLE,
        **options: Any,
    ) -> Report | Job:
        """Answer for every case of a data set, and write the answers into a folder; see `workbench.tools.over`.

        A case that fails stops no other, and a call that was cut off goes on where it was.

        Parameters
        ----------
        dataset : Dataset, str or Path
            The cases; labels are not looked at. Or the folder that holds the images, a file each: report, tables and
            ``mapping.json`` then name each case by its file, up to the suffix.
        out : path
            Folder for the answers, by case number. Labels and scores are volumes on the grid of the image; classes with
            their probabilities, boxes, points and ellipses (in voxels, and their centres in mm) are rows of
            ``all-classes.csv``, ``all-boxes.csv``, ... of all cases.
        suffix : str, optional
            Ending of the volumes' files. By default ``".nii.gz"``, and ``".npz"`` for pictures.
        background : bool or Placement
            Whether a process of its own does it: the call returns at once with the `Job`, whose result is the report.
        work : Work
            Is told of the progress, and stops it.
        **options
            ``skip_air`` and ``precision`` of `predict`.

        Raises
        ------
        InputError, StateError, FileError, Cancelled
            As `workbench.tools.over`; StateError if the folder holds answers of another model.
        """
        return predicting.predict_over(self, dataset, out, suffix, background, work, options)

    def _ready(self, volume: Volume | Prepared) -> Prepared:
        return volume if isinstance(volume, Prepared) else self.prepare(volume)

    # ---- files ---------------------------------------------------------------------------------------------------

    @checked("model.save()")
    def save(self, path: str | Path) -> Path:
        """Write weights and everything that is needed to build the model again into one safetensors file.

        Raises
        ------
        InputError, FileError
            If the name has another suffix than ``.safetensors``; if the file cannot be written.
        """
        check_suffix(Path(path), (".safetensors",), "A model")
        return weights.save(path, self.state(), self.metadata())

    def metadata(self) -> dict[str, str]:
        """Return what a weights file says about the model, each entry JSON."""
        from workbench import __version__

        facts: dict[str, Any] = {
            "algorithm": self.name,
            "config": self.config,
            "classes": list(self.classes),
            "preprocess": self.preprocess,
            "patch_size": self.patch_size,
            "versions": {"medical-workbench": __version__, **self.framework.versions()},
        }
        return {key: json.dumps(value) for key, value in facts.items()}

    @checked("model.load()")
    def load(
        self, path: str | Path, *, strict: bool = True, into: str | None = None, allow_non_finite: bool = False
    ) -> MatchReport:
        """Take the weights of a file: the workbench's own, a PyTorch or a MindSpore checkpoint.

        Names must be the network's (those of `state`). A prefix that all names of a foreign file share (``module.``)
        may be there; MindSpore's ``gamma``, ``moving_mean`` and their like are understood. Of a PyTorch file only
        tensors are read, never code.

        Parameters
        ----------
        path : str or Path
            A ``.safetensors`` file, a PyTorch one (``.pt``, ``.pth``) or a MindSpore one (``.ckpt``).
        strict : bool
            Whether every weight must be there in its shape. With False, what does not fit keeps its present value: so
            a model with another number of classes takes all but its head.
        into : str, optional
            "encoder": the file is of another network (a ResNet, VGG, DenseNet or ViT as torchvision writes them), which
            this one has as its encoder; where is found by the names, and reported. Of a file of this very network the
            encoder alone is taken. Or the name of the part. All else keeps its values. The first convolution is adapted
            to the network's channels, see `workbench.frameworks.transfer.fitted`.
        allow_non_finite : bool
            Whether NaN and infinities are let through.

        Returns
        -------
        MatchReport
            Which weights were matched, missing, unexpected, or of another shape.

        Raises
        ------
        FileError
            If the file cannot be read, holds Python code, or holds values that are not finite.
        MissingExtraError
            If it is a MindSpore checkpoint and MindSpore is not installed.
        InputError
            If nothing in it fits; with `strict`, if not everything does; with `into`, if too little is there.
        """
        return loading.load(
            self.framework, self.module, path, strict=strict, into=into, allow_non_finite=allow_non_finite
        )

    # ---- display -------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return display.line(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)
